/* cli/cmd_image_build.c - `ferry image build`: an ELF file becomes an application image. The
 * options are those of esptool's elf2image, and so are the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"
#include "image_file.h"
#include "put_file.h"
#include "read_file.h"

enum {
    OPT_OUTPUT = 'o',
    OPT_CHIP = CLI_OPT_OWN,
    OPT_FLASH_MODE,
    OPT_FLASH_FREQ,
    OPT_FLASH_SIZE,
    OPT_MIN_REV,
    OPT_MIN_REV_FULL,
    OPT_MAX_REV_FULL,
    OPT_ELF_SHA256_OFFSET,
    OPT_DONT_APPEND_DIGEST,
    OPT_SECURE_PAD,
    OPT_SECURE_PAD_V2,
    OPT_USE_SEGMENTS,
    OPT_RAM_ONLY_HEADER,
    OPT_PAD_TO_SIZE,
    OPT_MMU_PAGE_SIZE,
};

#define ELF_LIMIT (512u << 20) // with all its debugging information

static const struct argp_option options[] = {
    {"chip", OPT_CHIP, "CHIP", 0, "The chip it is to run on (required)", 0},
    {"output", OPT_OUTPUT, "FILE", 0, "Where the image goes (the ELF's name with .bin)", 0},
    {"flash-mode", OPT_FLASH_MODE, "MODE", 0, "qio, qout, dio or dout (qio)", 0},
    {"flash-freq", OPT_FLASH_FREQ, "FREQ", 0, "Flash clock: 80m, 40m ... (the chip's default)", 0},
    {"flash-size", OPT_FLASH_SIZE, "SIZE", 0, "1MB, 2MB, 4MB ... 128MB (1MB)", 0},
    {"min-rev-full", OPT_MIN_REV_FULL, "N", 0,
     "Lowest chip revision it runs on, major * 100 + minor (0)", 0},
    {"max-rev-full", OPT_MAX_REV_FULL, "N", 0, "Highest one (65535: no limit)", 0},
    {"min-rev", OPT_MIN_REV, "N", 0, "Lowest chip revision in the legacy field (0)", 0},
    {"elf-sha256-offset", OPT_ELF_SHA256_OFFSET, "N", 0,
     "Where the ELF file's SHA-256 goes; 32 bytes of zeros there "
     "(0xb0 if the app descriptor lies in flash)",
     0},
    {"dont-append-digest", OPT_DONT_APPEND_DIGEST, 0, 0, "Append no SHA-256", 0},
    {"secure-pad", OPT_SECURE_PAD, 0, 0,
     "Pad so that the image ends on 64 KB once signed for Secure Boot v1 (esp32 only)", 0},
    {"secure-pad-v2", OPT_SECURE_PAD_V2, 0, 0,
     "Pad so that the signature of Secure Boot v2 begins on a page border", 0},
    {"use-segments", OPT_USE_SEGMENTS, 0, 0, "Take the ELF's segments, not its sections", 0},
    {"flash-mmu-page-size", OPT_MMU_PAGE_SIZE, "SIZE", 0,
     "MMU page, for chips where it can be chosen: 64KB, 32KB, 16KB or 8KB (what the app asks for)",
     0},
    {"pad-to-size", OPT_PAD_TO_SIZE, "SIZE", 0, "Fill with 0xff up to a multiple of this", 0},
    {"ram-only-header", OPT_RAM_ONLY_HEADER, 0, 0,
     "Header and checksum cover the RAM segments alone; implies --dont-append-digest", 0},
    {0},
};

/** Reads flash size, clock and page, which stand in megabytes, megahertz and bytes. */
static int read_flash(const struct cli_call *call, struct ferry_image_build *opt)
{
    static const char *const modes[] = {"qio", "qout", "dio", "dout", NULL};
    static const char *const clocks[] = {"80m", "60m", "48m", "40m", "30m", "26m",
                                         "24m", "20m", "16m", "15m", "12m", NULL};
    static const char *const sizes[] = {"1MB",  "2MB",  "4MB",   "8MB", "16MB",
                                        "32MB", "64MB", "128MB", NULL};
    static const char *const pages[] = {"8KB", "16KB", "32KB", "64KB", NULL};
    int mode = 0, clock = -1, size = 0, page = -1;
    if (!cli_choice(call, OPT_FLASH_MODE, modes, &mode) ||
        !cli_choice(call, OPT_FLASH_FREQ, clocks, &clock) ||
        !cli_choice(call, OPT_FLASH_SIZE, sizes, &size) ||
        !cli_choice(call, OPT_MMU_PAGE_SIZE, pages, &page))
        return CLI_EXIT_USAGE;
    opt->flash_mode = (uint8_t)mode;
    opt->flash_mb = (uint8_t)(1u << size);
    opt->flash_mhz = (uint8_t)(clock < 0 ? 0 : atoi(clocks[clock]));
    opt->page_bytes = page < 0 ? 0 : 8192u << page;
    return CLI_EXIT_OK;
}

static int read_options(const struct cli_call *call, struct ferry_image_build *opt)
{
    uint32_t min_rev = 0, min_rev_full = 0, max_rev_full = UINT16_MAX;
    if (!image_file_chip(call, OPT_CHIP, &opt->chip))
        return CLI_EXIT_USAGE;
    if (!opt->chip)
        return cli_usage(call, "--chip is missing: which chip is the image for?");
    if (!cli_number(call, OPT_MIN_REV, UINT8_MAX, &min_rev) ||
        !cli_number(call, OPT_MIN_REV_FULL, UINT16_MAX, &min_rev_full) ||
        !cli_number(call, OPT_MAX_REV_FULL, UINT16_MAX, &max_rev_full) ||
        !cli_number(call, OPT_ELF_SHA256_OFFSET, UINT32_MAX, &opt->elf_sha256_off) ||
        !cli_number(call, OPT_PAD_TO_SIZE, 128u << 20, &opt->pad_to_bytes))
        return CLI_EXIT_USAGE;
    opt->min_rev = (uint8_t)min_rev;
    opt->min_rev_full = (uint16_t)min_rev_full;
    opt->max_rev_full = (uint16_t)max_rev_full;
    opt->no_digest = cli_has(call, OPT_DONT_APPEND_DIGEST);
    opt->use_segments = cli_has(call, OPT_USE_SEGMENTS);
    opt->ram_only_header = cli_has(call, OPT_RAM_ONLY_HEADER);
    if (cli_has(call, OPT_SECURE_PAD))
        opt->secure = FERRY_SECURE_PAD_V1;
    if (cli_has(call, OPT_SECURE_PAD_V2)) // both given: esptool takes this one
        opt->secure = FERRY_SECURE_PAD_V2;
    return read_flash(call, opt);
}

/** What was asked for and did nothing: esptool makes the same bytes and says as little. */
static void warn(const struct cli_call *call, const struct ferry_image_build *opt,
                 const struct ferry_built_image *built)
{
    if (built->other_cpu)
        cli_warn(call->out, "%s is compiled for another processor than that of %s", call->args[0],
                 opt->chip->name);
    if (built->page_fixed)
        cli_warn(call->out, "%s has MMU pages of 64 KB only; --flash-mmu-page-size is ignored",
                 opt->chip->name);
    if (built->elf_sha256_missed)
        cli_warn(call->out, "0x%x lies in no segment, so the ELF's SHA-256 is not in the image",
                 (unsigned)opt->elf_sha256_off);
    if (opt->secure == FERRY_SECURE_PAD_V1 && opt->chip != &ferry_chip_esp32)
        cli_warn(call->out, "Secure Boot v1 is esp32's alone; --secure-pad is ignored");
    if (built->n_segments > FERRY_IMAGE_SEGMENTS && !opt->ram_only_header)
        cli_warn(call->out,
                 "with fillers the image has %u segments; the bootloader takes at most %u",
                 built->n_segments, FERRY_IMAGE_SEGMENTS);
}

/** The path of the image: as given, or the ELF's with its extension replaced. NULL: no memory. */
static char *output_path(const struct cli_call *call)
{
    const char *given = cli_value(call, OPT_OUTPUT);
    const char *elf = call->args[0];
    if (given)
        return strdup(given);
    const char *slash = strrchr(elf, '/');
    const char *dot = strrchr(slash ? slash + 1 : elf, '.');
    const int n = dot && dot != elf && dot[-1] != '/' ? (int)(dot - elf) : (int)strlen(elf);
    char *path;
    return asprintf(&path, "%.*s.bin", n, elf) < 0 ? NULL : path;
}

static int write_image(const struct cli_call *call, const struct ferry_built_image *built)
{
    char *path = output_path(call);
    if (!path)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    int exit_code = cli_put_file(call, path, built->bytes, built->n_bytes);
    if (!exit_code) {
        cli_text(call->out, "%s: %s bytes in %u segments\n", path, cli_thousands(built->n_bytes),
                 built->n_segments);
        cJSON_AddStringToObject(cli_json(call->out), "file", path);
        cJSON_AddNumberToObject(cli_json(call->out), "size", (double)built->n_bytes);
        cJSON_AddNumberToObject(cli_json(call->out), "segments", built->n_segments);
        exit_code = cli_done(call->out);
    }
    free(path);
    return exit_code;
}

static int fail_build(const struct cli_call *call, const struct ferry_built_image *built)
{
    // What the chip or the options do not allow has nothing to do with the file.
    if (built->fault.err == FERRY_ERR_ARG)
        return cli_fail_text(call->out, built->fault.err, "%s", built->why);
    const struct ferry_about about = {call->args[0], NULL, *built->why ? built->why : NULL};
    return cli_fail(call->out, &built->fault, &about);
}

static int run(struct cli_call *call)
{
    struct ferry_image_build opt = {0};
    struct ferry_built_image built;
    uint8_t *elf;
    size_t n_bytes;
    int os_errno;
    const int exit_code = read_options(call, &opt);
    if (exit_code)
        return exit_code;
    ferry_err err = ferry_read_file(call->args[0], ELF_LIMIT, &elf, &n_bytes, &os_errno);
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(call->out, err, "%s is larger than %s bytes", call->args[0],
                             cli_thousands(ELF_LIMIT));
    if (err) {
        const struct ferry_about about = {call->args[0], NULL,
                                          os_errno ? strerror(os_errno) : NULL};
        return cli_fail_err(call->out, err, &about);
    }
    err = ferry_image_build(&opt, elf, n_bytes, &built);
    free(elf);
    if (err)
        return fail_build(call, &built);
    warn(call, &opt, &built);
    const int result = write_image(call, &built);
    free(built.bytes);
    return result;
}

static const struct cli_example examples[] = {
    {"ferry image build app.elf --chip esp32c3", "makes app.bin"},
    {"ferry image build app.elf --chip=esp32s3 --flash-mode=dio --flash-size=8MB",
     "the same with flash parameters, which count in a bootloader"},
    {0},
};

const struct cli_command cli_cmd_image_build = {
    .name = "image build",
    .summary = "make an application image from an ELF file",
    .args = "ELF",
    .about = "Options and result are those of esptool's elf2image, byte for byte. One difference: "
             "--pad-to-size without an appended SHA-256 fills behind the image, where esptool "
             "5.3.1 overwrites it.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .exits = "not an ELF file, or one that cannot be laid out",
    .run = run,
};
