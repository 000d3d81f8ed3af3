"""An ESP32-C3 as far as a program without ESP-IDF needs one: memory, the flash behind its cache,
the ROM's flash routines, console, clock, watchdogs, reset. An emulated rv32imc runs the program;
what Espressif's bootloader would do, the virtual device decides and this file does.

It is stricter than the chip: a program that reaches for the flash while the cache does not have it,
calls the ROM with what it does not take, or touches a register that is not known here, dies."""

import struct

from machine import Machine
from unicorn import (UC_ARCH_RISCV, UC_ERR_EXCEPTION, UC_ERR_INSN_INVALID, UC_HOOK_CODE,
                     UC_MODE_RISCV32, UC_PROT_ALL, UC_PROT_NONE, Uc, UcError)
from unicorn.riscv_const import (UC_RISCV_REG_A0, UC_RISCV_REG_A1, UC_RISCV_REG_A2,
                                 UC_RISCV_REG_MCAUSE, UC_RISCV_REG_MEPC,
                                 UC_RISCV_REG_MSTATUS, UC_RISCV_REG_MTVEC, UC_RISCV_REG_PC)

FLASH_BYTES = 4 << 20
PAGE = 0x10000
DROM, IROM, WINDOW_BYTES = 0x3C000000, 0x42000000, 0x800000
IRAM, DRAM, RAM_BYTES = 0x40380000, 0x3FC80000, 0x60000
ROM, ROM_BYTES = 0x40000000, 0x60000
FLASH_DATA_POINTER, FLASH_DATA = 0x3FCDFFF0, 0x3FCDF5C0
PERIPHERALS, MMU = 0x60000000, 0x600C5000
N_ENTRIES, NOT_MAPPED = 128, 0x100
ILLEGAL_INSTRUCTION = 2
CODE_RETURN = b"\x82\x80"  # c.jr ra
POLLS = 64  # of an empty console in a row, then the chip waits for us
SLICE = 20_000_000  # instructions; a program that hangs is noticed after some of these
TICKS = 16 * 100  # of the clock for each look at it: 0.1 ms

UART_FIFO, UART_STATUS, UART_STATE = 0x60000000, 0x6000001C, 0x6000006C
USB_FIFO, USB_CONTROL = 0x60043000, 0x60043004
RTC_OPTIONS, SYSTEM_RESET = 0x60008000, 1 << 31
CLOCK_CONFIG, CLOCK_OPERATION, CLOCK_HIGH, CLOCK_LOW = (
    0x60023000, 0x60023004, 0x60023040, 0x60023044)
CLOCK_LATCHED = 1 << 29
# A watchdog's lock, its key, and the registers behind it.
LOCKS = {0x600080A8: (0x50D83AA1, (0x60008090,)), 0x600080B0: (0x8F1D312A, (0x600080AC,)),
         0x6001F064: (0x50D83AA1, (0x6001F048, 0x6001F04C, 0x6001F050, 0x6001F060))}
# Revision 1.12, eFuse blocks 2.3; the bits around them are set, to be in the way.
FUSES = {0x60008840: 0xFFFFFFFE, 0x60008850: 0xF8E3FFFF | 3 << 24 | 4 << 18,
         0x60008858: 0xFC7FFFFF | 1 << 24 | 1 << 23, 0x6000886C: 0xFFFFFFFC | 2}
RTC_WDT, SUPER_WDT, WDT, WDT_FEED = 0x60008090, 0x600080AC, 0x6001F048, 0x6001F060


class Chip(Machine):
    """One power-on: a program loaded from an offset of a flash file, as the bootloader leaves it.

    cut_at: power fails within that program or erase, counted from 1, which is then done by half."""

    def __init__(self, flash, image_off, cut_at=None, usb=False):
        self.path, self.cut_at, self.usb = flash, cut_at, usb
        self.flash = bytearray(flash.read_bytes())
        self.said, self.at, self.typed = b"", 0, bytearray()
        self.ended, self.fault = None, None
        self.ticks = self.polls = self.n_changes = self.n_written = self.n_feeds = 0
        self.taken = False
        self.registers = {RTC_WDT: 0x80001000, SUPER_WDT: 0, WDT: 0, 0x6001F04C: 0, 0x6001F050: 0,
                          RTC_OPTIONS: 0, CLOCK_CONFIG: 0, **FUSES, **dict.fromkeys(LOCKS, 0)}
        self.mmu = [NOT_MAPPED] * N_ENTRIES
        self.uc = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
        for base, size in ((DROM, WINDOW_BYTES), (IROM, WINDOW_BYTES), (IRAM, RAM_BYTES),
                           (DRAM, RAM_BYTES), (ROM, ROM_BYTES)):
            self.uc.mem_map(base, size)
        self.uc.mmio_map(PERIPHERALS, 0x100000, self.read, None, self.write, None)
        self.fill_rom()
        self.pc = self.load(image_off)

    def fill_rom(self):
        routines = {0x40000124: self.rom_erase_block, 0x40000128: self.rom_erase_sector,
                    0x4000012C: self.rom_write, 0x40000130: self.rom_read,
                    0x40000140: lambda *_: self.result(True), 0x40000524: self.cache_suspend,
                    0x40000528: self.cache_resume, 0x400004D8: self.cache_forget}
        for addr, routine in routines.items():
            self.uc.mem_write(addr, CODE_RETURN)
            self.uc.hook_add(UC_HOOK_CODE, self.rom_call, routine, addr, addr)
        self.uc.mem_write(FLASH_DATA_POINTER, struct.pack("<I", FLASH_DATA))
        self.uc.mem_write(FLASH_DATA, struct.pack("<6I", 0x1640C8, FLASH_BYTES, PAGE, 4096, 256,
                                                  0xFFFF))

    def load(self, image_off):
        """Maps and loads the segments of an image; its entry point."""
        n_segments, entry = self.flash[image_off + 1], struct.unpack_from(
            "<I", self.flash, image_off + 4)[0]
        at = image_off + 24
        for _ in range(n_segments):
            addr, size = struct.unpack_from("<II", self.flash, at)
            at += 8
            if addr // WINDOW_BYTES in (DROM // WINDOW_BYTES, IROM // WINDOW_BYTES):
                assert addr % PAGE == at % PAGE, "this segment cannot be mapped"
                first = addr % WINDOW_BYTES // PAGE
                for i in range((addr % PAGE + size + PAGE - 1) // PAGE):
                    assert self.mmu[first + i] == NOT_MAPPED, "two segments want this page"
                    self.mmu[first + i] = at // PAGE + i
            elif addr:
                self.uc.mem_write(addr, bytes(self.flash[at:at + size]))
            at += size
        self.fill_windows()
        return entry

    def fill_windows(self):
        for i, page in enumerate(self.mmu):
            if page != NOT_MAPPED:
                data = bytes(self.flash[page * PAGE:(page + 1) * PAGE])
                self.uc.mem_write(DROM + i * PAGE, data)
                self.uc.mem_write(IROM + i * PAGE, data)

    # The ROM.

    def rom_call(self, uc, addr, size, routine):
        if addr not in (0x40000524, 0x40000528) and not self.taken:
            return self.die(f"ROM routine {addr:#x} while the cache uses the flash")
        if uc.reg_read(UC_RISCV_REG_MSTATUS) & 8:
            return self.die(f"ROM routine {addr:#x} with interrupts on")
        words = [uc.reg_read(reg) for reg in (UC_RISCV_REG_A0, UC_RISCV_REG_A1, UC_RISCV_REG_A2)]
        return routine(*words)

    def result(self, worked):
        self.uc.reg_write(UC_RISCV_REG_A0, 0 if worked else 1)

    def protect(self, protection):
        for base in (DROM, IROM):
            self.uc.mem_protect(base, WINDOW_BYTES, protection)

    def cache_suspend(self, *_):
        self.taken = True
        self.protect(UC_PROT_NONE)
        self.uc.reg_write(UC_RISCV_REG_A0, 4)

    def cache_resume(self, autoload, *_):
        if autoload != 4:
            self.die(f"the cache is resumed with {autoload}, not what its suspension said")
        self.taken = False
        self.protect(UC_PROT_ALL)

    def cache_forget(self, *_):
        self.protect(UC_PROT_ALL)
        self.fill_windows()
        self.protect(UC_PROT_NONE)

    def is_whole(self, off, memory, n):
        """Whole words, within the flash, and memory that is RAM."""
        if off % 4 or memory % 4 or n % 4 or not DRAM <= memory < DRAM + RAM_BYTES:
            self.die(f"ROM called with offset {off:#x}, memory {memory:#x}, {n} bytes")
        return off + n <= FLASH_BYTES

    def rom_read(self, off, memory, n):
        fits = self.is_whole(off, memory, n)
        if fits:
            self.uc.mem_write(memory, bytes(self.flash[off:off + n]))
        self.result(fits)

    def rom_write(self, off, memory, n):
        fits = self.is_whole(off, memory, n)
        if fits:
            data = self.uc.mem_read(memory, n)
            n = self.change(n)
            for i in range(n):
                self.flash[off + i] &= data[i]
        self.result(fits)

    def rom_erase_sector(self, number, *_):
        self.erase(number * 4096, 4096)

    def rom_erase_block(self, number, *_):
        self.erase(number * PAGE, PAGE)

    def erase(self, off, n):
        fits = off + n <= FLASH_BYTES
        if fits:
            n = self.change(n)
            self.flash[off:off + n] = b"\xff" * n
        self.result(fits)

    def change(self, n):
        """Counts a program or erase of n bytes; how many of them are reached."""
        self.n_changes += 1
        if self.n_changes != self.cut_at:
            return n
        self.stop("power cut")
        return n // 2

    # The registers.

    def die(self, why):
        self.fault = self.fault or why
        self.stop("fault")

    def trap(self):
        """An illegal instruction: to where the program has said."""
        self.uc.reg_write(UC_RISCV_REG_MCAUSE, ILLEGAL_INSTRUCTION)
        self.uc.reg_write(UC_RISCV_REG_MEPC, self.pc)
        self.pc = self.uc.reg_read(UC_RISCV_REG_MTVEC) & ~3

    def stop(self, why):
        self.ended = self.ended or why
        self.uc.emu_stop()

    def read(self, uc, off, size, data):
        addr = PERIPHERALS + off
        if addr in (UART_STATUS, USB_CONTROL) and (addr == USB_CONTROL) == self.usb:
            self.polls = 0 if self.typed else self.polls + 1
            if self.polls > POLLS:
                uc.emu_stop()
            n = min(len(self.typed), 128)
            return 2 | 4 * (n > 0) if self.usb else n
        if addr == (USB_FIFO if self.usb else UART_FIFO):
            return self.typed.pop(0)
        if addr == CLOCK_OPERATION:
            return CLOCK_LATCHED
        if addr in (CLOCK_HIGH, CLOCK_LOW):
            self.ticks += TICKS * (addr == CLOCK_LOW)
            return self.ticks >> 32 if addr == CLOCK_HIGH else self.ticks & 0xFFFFFFFF
        if MMU <= addr < MMU + 4 * N_ENTRIES:
            return self.mmu[(addr - MMU) // 4]
        if addr == UART_STATE:
            return 0
        if addr not in self.registers:
            self.die(f"read of register {addr:#x}")
            return 0
        return self.registers[addr]

    def write(self, uc, off, size, value, data):
        addr = PERIPHERALS + off
        for lock, (key, behind) in LOCKS.items():
            if addr in behind and self.registers[lock] != key:
                return self.die(f"write to {addr:#x}, which is locked")
        if addr == (USB_FIFO if self.usb else UART_FIFO):
            self.said += bytes([value & 0xFF])
        elif addr == WDT_FEED:
            self.n_feeds += 1
        elif addr not in self.registers and addr not in (CLOCK_OPERATION, USB_CONTROL):
            return self.die(f"write to register {addr:#x}")
        self.registers[addr] = value
        if addr == RTC_OPTIONS and value & SYSTEM_RESET:
            self.stop("reset")
        return None

    # As every machine.

    def listen(self, seconds):
        """Runs on until the chip waits for us; False once it has ended."""
        if self.ended or seconds <= 0:
            return not self.ended
        self.polls = 0
        try:
            self.uc.emu_start(self.pc, 0, count=SLICE)
            self.pc = self.uc.reg_read(UC_RISCV_REG_PC)
        except UcError as error:
            self.pc = self.uc.reg_read(UC_RISCV_REG_PC)
            if error.errno in (UC_ERR_INSN_INVALID, UC_ERR_EXCEPTION) and not self.fault:
                self.trap()
            else:
                self.die(f"{error} at {self.pc:#x}")
        if self.n_written != self.n_changes:
            self.path.write_bytes(self.flash)
            self.n_written = self.n_changes
        return not self.ended

    def send(self, data):
        self.typed += data if isinstance(data, bytes) else data.encode() + b"\n"

    def end(self, wait_s=30):
        """Runs until the chip ends by itself; how it did."""
        while self.listen(wait_s):
            pass
        return self.ended

    def settle(self):
        """What it writes is in the file when it waits for us."""

    def kill(self):
        self.stop("power cut")
