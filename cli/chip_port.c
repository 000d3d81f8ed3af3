/* cli/chip_port.c - a real chip as the device of a command. */
#include "chip_port.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "serial_chip.h"

/** The chip of this process. */
struct chip_port {
    struct ferry_vdevice_chip real; // first
    struct cli_output *out;
    struct ferry_esptool tool;
    struct ferry_serial_chip chip;
    struct ferry_chip_facts facts;
};

static struct chip_port the_port;

static ferry_err say_failed(struct chip_port *p, ferry_err err)
{
    if (err)
        cli_warn(p->out, "esptool on %s: %s", p->tool.port, p->tool.reason);
    p->real.is_lost |= err != FERRY_OK;
    return err;
}

static ferry_err read_link(void *ctx, uint32_t off_bytes, uint8_t *dst, uint32_t n_bytes)
{
    struct chip_port *p = ctx;
    return say_failed(p, ferry_esptool_read(&p->tool, off_bytes, dst, n_bytes));
}

static ferry_err write_link(void *ctx, uint32_t off_bytes, const uint8_t *src, uint32_t n_bytes)
{
    struct chip_port *p = ctx;
    return say_failed(p, ferry_esptool_write(&p->tool, off_bytes, src, n_bytes));
}

/** What travels is said before, because it takes a while, and because it is a real chip. */
static void tell(void *ctx, bool is_write, uint32_t off_bytes, uint32_t n_bytes)
{
    struct chip_port *p = ctx;
    cli_note(p->out, "%s 0x%06x to 0x%06x, %s bytes\n",
             is_write ? "Chip: writing" : "Chip: reading", (unsigned)off_bytes,
             (unsigned)(off_bytes + n_bytes), cli_thousands(n_bytes));
}

/** The chip goes back to its work; the loader it was put into runs no app. */
static void close_port(struct ferry_vdevice_chip *real)
{
    struct chip_port *p = (struct chip_port *)(void *)real;
    const uint32_t n_written = p->chip.n_written_bytes;
    ferry_serial_chip_close(&p->chip);
    if (ferry_esptool_reset(&p->tool))
        cli_warn(p->out, "the chip could not be restarted: %s", p->tool.reason);
    else if (n_written)
        cli_note(p->out,
                 "Chip: %s bytes written, each compared with the chip's own hash; it "
                 "restarts.\n",
                 cli_thousands(n_written));
}

static void describe(const struct chip_port *p)
{
    const struct ferry_chip_facts *f = &p->facts;
    cJSON *o = cJSON_AddObjectToObject(cli_json(p->out), "port");
    char revision[32] = "";
    cJSON_AddStringToObject(o, "name", p->tool.port);
    cJSON_AddStringToObject(o, "chip", f->chip ? f->chip->name : "");
    cJSON_AddStringToObject(o, "mac", f->mac);
    cJSON_AddNumberToObject(o, "flash_size", f->flash_bytes);
    cJSON_AddNumberToObject(o, "esptool", p->tool.major);
    if (f->has_revision)
        snprintf(revision, sizeof(revision), " v%u.%u", f->revision / 100u, f->revision % 100u);
    cli_note(p->out, "Chip: %s%s with %s bytes of flash%s%s on %s, by %s %u\n",
             f->chip ? f->chip->name : "of an unknown kind", revision,
             cli_thousands(f->flash_bytes), *f->mac ? ", MAC " : "", f->mac, p->tool.port,
             p->tool.is_module ? "python3 -m esptool" : p->tool.found, p->tool.major);
}

static int ask(struct chip_port *p, const struct ferry_vdevice_given *given)
{
    const ferry_err err = ferry_esptool_ask(&p->tool, &p->facts);
    if (err)
        return cli_fail_text(p->out, err, "there is no chip that answers on %s: %s", p->tool.port,
                             p->tool.reason);
    if (given->chip && p->facts.chip && given->chip != p->facts.chip)
        return cli_fail_text(p->out, FERRY_ERR_IMAGE_CHIP, "the chip on %s is an %s, not an %s",
                             p->tool.port, p->facts.chip->name, given->chip->name);
    if (!p->facts.flash_bytes)
        return cli_fail_text(p->out, FERRY_ERR_FLASH_SIZE,
                             "esptool does not say how large the flash on %s is", p->tool.port);
    return CLI_EXIT_OK;
}

/** Its kind and its MAC without colons: what is kept for this chip belongs to no other. */
static void name_chip(struct chip_port *p)
{
    char *name = p->real.name;
    size_t at = (size_t)snprintf(name, sizeof(p->real.name), "%s-",
                                 p->facts.chip ? p->facts.chip->name : "chip");
    for (const char *c = p->facts.mac; *c && at + 1 < sizeof(p->real.name); c++)
        if (isxdigit((unsigned char)*c))
            name[at++] = *c;
    name[at] = '\0';
}

int chip_port_open(const struct cli_call *call, const char *port, const char *program,
                   uint32_t baud, struct ferry_vdevice_given *given)
{
    struct chip_port *p = &the_port;
    const struct ferry_serial_link link = {read_link, write_link, p};
    const struct ferry_serial_watch watch = {tell, p};
    p->out = call->out;
    p->tool.program = program;
    p->tool.port = port;
    p->tool.baud = baud;
    p->tool.chip = given->chip ? given->chip->name : NULL;
    if (ferry_esptool_find(&p->tool))
        return cli_fail_text(call->out, FERRY_ERR_NOT_FOUND, "--port needs esptool: %s",
                             p->tool.reason);
    const int exit_code = ask(p, given);
    if (exit_code)
        return exit_code;
    const ferry_err err = ferry_serial_chip_open(&p->chip, p->facts.flash_bytes, &link, &watch);
    if (err)
        return cli_fail(
            call->out,
            &(struct ferry_fault){.err = err, .value = p->facts.flash_bytes, .limit = 65536},
            &(struct ferry_about){.file = port});
    describe(p);
    p->real = (struct ferry_vdevice_chip){.flash = &p->chip.flash,
                                          .has_revision = p->facts.has_revision,
                                          .revision = p->facts.revision,
                                          .close = close_port};
    name_chip(p);
    given->real = &p->real;
    if (!given->chip)
        given->chip = p->facts.chip;
    p->tool.chip = given->chip ? given->chip->name : NULL;
    return CLI_EXIT_OK;
}
