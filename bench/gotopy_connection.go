package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// connectionSide speaks to a multiprocessing.connection.Listener without an authkey: a message is its length as a
// signed big-endian 32-bit integer and its bytes (CPython's Connection._send_bytes).
func connectionSide() side {
	return side{name: "multiprocessing.connection", open: func(ctx context.Context, h *host) (*session, error) {
		p, info, err := startPython(ctx, h, "calls.py", "connection", nil)
		if err != nil {
			return nil, err
		}
		conn, err := net.Dial("unix", info["address"])
		if err != nil {
			p.kill()
			return nil, err
		}
		call := func(ctx context.Context, function string, in []byte) ([]byte, error) {
			if err := sendBytes(conn, []byte(function)); err != nil {
				return nil, err
			}
			if err := sendBytes(conn, in); err != nil {
				return nil, err
			}
			return receiveBytes(conn)
		}
		return bytesCalls(call, func() error {
			conn.Close()
			return p.stop()
		}), nil
	}}
}

func sendBytes(w io.Writer, b []byte) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	if len(b) <= 16<<10 { // one write for what is small, as CPython does
		_, err := w.Write(append(head, b...))
		return err
	}
	buffers := net.Buffers{head, b}
	_, err := buffers.WriteTo(w)
	return err
}

// replyBytes bounds what a peer may answer with.
const replyBytes = 1 << 20

func receiveBytes(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > replyBytes {
		return nil, fmt.Errorf("multiprocessing.connection: a reply of %d bytes, at most %d were expected", n, replyBytes)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}
