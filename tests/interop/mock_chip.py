"""A chip's ROM loader over TCP, with its flash in a file: esp32-mock-bootloader, started with a
flash that it does not bring along and with two faults mended.

    mock_chip.py CHIP FLASH_FILE      prints its port, then serves until its standard input ends

FLASH_FILE is written back at the end, so that a test sees what a programmer has left. Version 0.3.0
gives up reading when an acknowledgement takes longer than its shortest wait, and takes two frame
ends in a row for an empty frame: on a busy machine every few reads of flash fail."""

import os
import socket
import sys
import threading
import time
from pathlib import Path

from esp32_mock_bootloader import protocol, server

END = bytes([protocol.SLIP_END])


def consume(buf):
    """The first whole frame that is not empty, removed from buf."""
    while buf[:1] == END and buf[1:2] == END:
        del buf[:1]
    at = buf.find(END, 1)
    if at < 0:
        return None
    frames = server.slip_decode_frames(bytes(buf[:at + 1]))
    del buf[:at + 1 if frames else at]
    return frames[0] if frames else None


def receive(line, over, buf):
    """Waits for a frame as long as a patient chip does."""
    end = time.monotonic() + 10
    while not over.is_set() and time.monotonic() < end:
        frame = consume(buf)
        if frame is not None:
            return frame
        try:
            piece = line.recv(4096)
        except TimeoutError:
            continue
        except OSError:
            return None
        if not piece:
            return None
        buf.extend(piece)
    return None


def main():
    chip, path = sys.argv[1], Path(sys.argv[2])
    flash, data = server.get_flash_image(), path.read_bytes()
    flash.data[:len(data)] = data
    server._recv_slip_payload = receive
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve():
        while not over.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                return
            server.handle_client(server.BootloaderConnection(line), over, chip)

    threading.Thread(target=serve, daemon=True).start()
    print(listening.getsockname()[1], flush=True)
    sys.stdout = sys.stderr
    sys.stdin.read()
    over.set()
    path.write_bytes(bytes(flash.data[:len(data)]))
    os._exit(0)


if __name__ == "__main__":
    main()
