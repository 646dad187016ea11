package connection

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/pickle"
)

// peer starts testdata/peer.py.
func peer(t testing.TB, exe, what, address string, key []byte) *mptest.Proc {
	t.Helper()
	where := "None"
	if address != "" {
		var err error
		where, err = PythonAddress(address)
		noErr(t, err)
	}
	k := "-"
	if key != nil {
		k = hex.EncodeToString(key)
	}
	return mptest.StartCmd(t, "python", exec.Command(exe, "-u", "testdata/peer.py", what, where, k))
}

var values = []any{
	"text \u00e9 \U0001F600", int64(-1), new(big.Int).Lsh(big.NewInt(7), 100), 2.5, true, pickle.Bytes("\x00\xff"),
	pickle.NewList(int64(1), pickle.Tuple{"a", pickle.NewDict(pickle.Item{Key: "k", Value: pickle.NewList()})}),
	strings.Repeat("x", 16384), strings.Repeat("y", 100_000),
}

// talk goes through all that two ends do with each other, where the other end echoes: see testdata/peer.py.
func talk(t testing.TB, c *Conn) {
	t.Helper()
	ctx, stop := within(time.Minute)
	defer stop()
	for _, v := range append(slices.Clone(values), nil) {
		noErr(t, c.Send(ctx, v))
		got, err := c.Recv(ctx)
		if err != nil || !pickle.Equal(got, v) {
			t.Fatalf("%s became %s, %v", pickle.Repr(v), pickle.Repr(got), err)
		}
	}
	for _, n := range []int{0, 1, 4092, 4093, 16384, 16385, 300_000} { // CPython writes header and body apart from 16385 on
		msg := bytes.Repeat([]byte{byte(n)}, n)
		sent := make(chan error, 1)
		go func() { sent <- c.SendBytes(ctx, msg) }()
		got, err := c.RecvBytes(ctx, nil)
		if err != nil || !bytes.Equal(got, msg) {
			t.Fatalf("%d bytes became %d, %v", n, len(got), err)
		}
		noErr(t, <-sent)
	}
	noErr(t, c.Close())
}

// Every CPython that is here, as client and as listener, with each digest.
func TestPythonVersions(t *testing.T) {
	mptest.Check(t)
	found := Pythons(t)
	t.Logf("CPython %v", slices.Sorted(maps.Keys(found)))
	for _, v := range []string{"3.9", "3.10", "3.11", "3.12", "3.13", "3.14"} {
		if found[v] == "" {
			t.Logf("CPython %s is not here", v)
		}
	}
	for version, exe := range found {
		t.Run(version, func(t *testing.T) {
			t.Run("client", func(t *testing.T) {
				p := peer(t, exe, "client", "", key)
				for digest := range digests {
					l, _ := listener(t, "unix:"+socketPath(t), Config{Authkey: key, Digest: digest})
					p.Send(must(PythonAddress(l.Addr())))
					c, err := l.Accept(background)
					noErr(t, err)
					talk(t, c)
					p.Expect("eof")
				}
				l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
				w := peer(t, exe, "refused", l.Addr(), []byte("another"))
				w.Expect("AuthenticationError: digest sent was rejected")
				if s := refused(); !strings.Contains(s, "pid:"+strconv.Itoa(w.Pid())) || !strings.Contains(s, "the digest that came is wrong") {
					t.Error(s)
				}
			})
			t.Run("listener", func(t *testing.T) {
				address := "unix:" + socketPath(t)
				noErr(t, os.Mkdir(filepath.Dir(strings.TrimPrefix(address, "unix:")), 0o700))
				p := peer(t, exe, "listener", address, key)
				p.Expect("listening")
				for _, digest := range append(slices.Sorted(maps.Keys(digests)), "default") {
					p.Send(digest)
					c, err := Dial(background, address, Config{Authkey: key})
					noErr(t, err)
					talk(t, c)
					p.Expect("eof")
				}
				p.Send("default")
				_, err := Dial(background, address, Config{Authkey: []byte("another")})
				wantErr(t, err, ErrAuthentication, "rejected")
				p.Expect("AuthenticationError: digest received was wrong")
			})
		})
	}
}

// Each kind of address, with a key and without.
func TestPythonAddresses(t *testing.T) {
	mptest.Check(t)
	exe := mptest.Python(t)
	for _, k := range [][]byte{key, nil} {
		p := peer(t, exe, "client", "", k)
		for _, address := range addresses(t) {
			if k == nil && strings.HasPrefix(address, "tcp") {
				continue
			}
			l, _ := listener(t, address, Config{Authkey: k})
			p.Send(must(PythonAddress(l.Addr())))
			c, err := l.Accept(background)
			noErr(t, err)
			talk(t, c)
			p.Expect("eof")
		}
	}
	l, _ := listener(t, "abstract:atrium-test"+socketPath(t), Config{})
	address := l.Addr() + "2"
	p := peer(t, exe, "listener", address, nil)
	p.Expect("listening")
	p.Send("default")
	c, err := Dial(background, address, Config{})
	noErr(t, err)
	talk(t, c)
	p.Expect("eof")
}

// 64 MB there and back.
func TestPythonBigMessage(t *testing.T) {
	l, _ := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
	p := peer(t, mptest.Python(t), "client", "", key)
	p.Send(must(PythonAddress(l.Addr())))
	c, err := l.Accept(background)
	noErr(t, err)
	defer c.Close()
	noErr(t, c.Send(background, nil))
	_, err = c.Recv(background)
	noErr(t, err)
	big := bytes.Repeat([]byte("0123456789abcdef"), 4<<20)
	noErr(t, c.SendBytes(background, big))
	began := time.Now()
	got, err := c.RecvBytes(background, nil)
	if err != nil || !bytes.Equal(got, big) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	t.Logf("64 MiB from Python in %v", time.Since(began))
}

// CPython's long messages over TCP are not held back until a delayed acknowledgement.
func TestPythonDoesNotStall(t *testing.T) {
	l, _ := listener(t, "tcp:127.0.0.1:0", Config{Authkey: key})
	p := peer(t, mptest.Python(t), "stall", l.Addr(), key)
	c, err := l.Accept(background)
	noErr(t, err)
	defer c.Close()
	var buf []byte
	for range 20 {
		if buf, err = c.RecvBytes(background, buf); err == nil {
			err = c.SendBytes(background, buf)
		}
		noErr(t, err)
	}
	ms, err := strconv.Atoi(p.Line())
	if err != nil || ms > 20 {
		t.Errorf("%d ms for each message of 30,000 bytes, %v", ms, err)
	}
}

// A client that comes without a key is told so, instead of both waiting for ever.
func TestPythonWithoutKey(t *testing.T) {
	l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
	p := mptest.StartPython(t, fmt.Sprintf(`
from multiprocessing.connection import Client
c = Client(%s)
c.send("something longer than a digest")
print(c.recv_bytes()[:11])
print(c.recv_bytes())
`, must(PythonAddress(l.Addr()))))
	p.Expect("b'#CHALLENGE#'")
	p.Expect("b'#FAILURE#'")
	if s := refused(); !strings.Contains(s, "has it an authkey?") {
		t.Error(s)
	}
}
