package connection

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"example.com/atrium/internal/mptest"
)

// BenchmarkRoundTrip is a message there and back over a Unix socket: between two goroutines, with a process of this binary, and with stock
// Python. BenchmarkPythonRoundTrip is Python's own with Python.
func BenchmarkRoundTrip(b *testing.B) {
	for _, size := range []int{64, 1 << 20} {
		b.Run(fmt.Sprint(size, "/goroutine"), func(b *testing.B) {
			x, y, err := Pipe(Config{})
			noErr(b, err)
			defer x.Close()
			go echo(y)
			round(b, x, size)
		})
		b.Run(fmt.Sprint(size, "/process"), func(b *testing.B) {
			address := "unix:" + socketPath(b)
			p := mptest.Start(b, "echo", address)
			p.Expect("listening")
			c, err := Dial(background, address, Config{Authkey: key})
			noErr(b, err)
			defer c.Close()
			round(b, c, size)
		})
		b.Run(fmt.Sprint(size, "/python"), func(b *testing.B) {
			path := socketPath(b)
			noErr(b, os.Mkdir(filepath.Dir(path), 0o700))
			p := peer(b, mptest.Python(b), "speed", "unix:"+path, key)
			p.Expect("listening")
			c, err := Dial(background, "unix:"+path, Config{Authkey: key})
			noErr(b, err)
			defer c.Close()
			round(b, c, size)
		})
	}
}

// BenchmarkDial is a client's Dial, with the Accept that takes it and both Closes.
func BenchmarkDial(b *testing.B) {
	for name, k := range map[string][]byte{"open": nil, "authkey": key} {
		b.Run(name, func(b *testing.B) {
			l, err := Listen("unix:"+socketPath(b), Config{Authkey: k})
			noErr(b, err)
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept(background)
					if err != nil {
						return
					}
					c.Close()
				}
			}()
			for b.Loop() {
				c, err := Dial(background, l.Addr(), Config{Authkey: k})
				noErr(b, err)
				c.Close()
			}
		})
	}
}

func round(b *testing.B, c *Conn, size int) {
	msg, buf := make([]byte, size), make([]byte, size)
	b.SetBytes(2 * int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.SendBytes(background, msg); err != nil {
			b.Fatal(err)
		}
		if _, err := c.RecvBytes(background, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func echo(c *Conn) {
	defer c.Close()
	var buf []byte
	var err error
	for err == nil {
		if buf, err = c.RecvBytes(background, buf); err == nil {
			err = c.SendBytes(background, buf)
		}
	}
}

var _ = mptest.Register("echo", func(args []string) {
	l, err := Listen(args[0], Config{Authkey: key})
	mptest.Must(err)
	mptest.Say("listening")
	c, err := l.Accept(background)
	mptest.Must(err)
	echo(c)
})

// TestEcho keeps the benchmark's other process working.
func TestEcho(t *testing.T) {
	address := "unix:" + socketPath(t)
	p := mptest.Start(t, "echo", address)
	p.Expect("listening")
	c, err := Dial(background, address, Config{Authkey: key})
	noErr(t, err)
	noErr(t, c.SendBytes(background, []byte("hello")))
	if got, err := c.RecvBytes(background, nil); string(got) != "hello" || err != nil {
		t.Error(got, err)
	}
	c.Close()
	p.Done()
}

func BenchmarkPythonRoundTrip(b *testing.B) {
	for _, size := range []int{64, 1 << 20} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			path := socketPath(b)
			noErr(b, os.Mkdir(filepath.Dir(path), 0o700))
			p := peer(b, mptest.Python(b), "speed", "unix:"+path, key)
			p.Expect("listening")
			q := mptest.StartPython(b, fmt.Sprintf(`
import sys, time
from multiprocessing.connection import Client
c = Client(%q, authkey=bytes.fromhex("%x"))
b = bytes(%d)
for line in sys.stdin:
    t = time.perf_counter()
    for _ in range(int(line)):
        c.send_bytes(b); c.recv_bytes()
    print((time.perf_counter() - t) / int(line) * 1e9)
`, path, key, size))
			rounds := 200
			if size < 1000 {
				rounds = 10_000
			}
			q.Send(rounds / 10)
			q.Line()
			for b.Loop() {
				q.Send(rounds)
				ns, err := strconv.ParseFloat(q.Line(), 64)
				noErr(b, err)
				b.ReportMetric(ns, "ns/round")
			}
		})
	}
}
