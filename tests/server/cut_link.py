"""A link that is cut: between a device and its server, in tests and in the demo."""

import socket
import threading


class Link:
    """A way to the server that breaks after so many bytes from it, as often as told."""

    def __init__(self, address):
        self.address, self.cuts = address, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.address)
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source, sink, from_server):
        moved = 0
        try:
            while data := source.recv(16384):
                sink.sendall(data)
                moved += len(data)
                if from_server and self.cuts and moved > self.cuts[0]:
                    self.cuts.pop(0)
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
