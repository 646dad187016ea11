"""go-to-py: servers whose functions a Go client calls with raw bytes.

`increment` gets 8 bytes, a little-endian int64, and gives it back plus one;
`element` gets the bytes of a float64 array and gives back its last element.
"""

import os
import struct
import threading

import numpy as np

import kernels
from peer import main


def increment(data):
    return struct.pack("<q", kernels.increment(struct.unpack("<q", data)[0]))


def element(data):
    return struct.pack("<d", kernels.last(np.frombuffer(data)))


class Grpc:
    """grpcio on a Unix socket; no protobuf, so nothing is encoded twice."""

    def setup(self, scratch):
        import grpc
        from concurrent.futures import ThreadPoolExecutor

        def method(f):
            return grpc.unary_unary_rpc_method_handler(lambda data, context: f(data))

        self.server = grpc.server(
            ThreadPoolExecutor(1),
            options=[("grpc.max_receive_message_length", -1)],
        )
        self.server.add_generic_rpc_handlers([
            grpc.method_handlers_generic_handler(
                "bench", {"increment": method(increment), "element": method(element)}
            )
        ])
        path = os.path.join(scratch, "grpc")
        if not self.server.add_insecure_port("unix:" + path):
            raise OSError(f"grpc cannot listen on {path}")
        self.server.start()
        return {"address": path}

    def teardown(self):
        self.server.stop(0)


class Connection:
    """multiprocessing.connection on a Unix socket; a first byte names the function."""

    def setup(self, scratch):
        from multiprocessing.connection import Listener

        path = os.path.join(scratch, "connection")
        self.listener = Listener(path, "AF_UNIX")
        threading.Thread(target=self.serve, daemon=True).start()
        return {"address": path}

    def serve(self):
        with self.listener.accept() as conn:
            while True:
                try:
                    name = conn.recv_bytes()
                    data = conn.recv_bytes()
                except EOFError:
                    return
                conn.send_bytes(element(data) if name == b"element" else increment(data))

    def teardown(self):
        self.listener.close()


if __name__ == "__main__":
    main({"grpc": Grpc, "connection": Connection})
