package connection

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

// message n of a flood, as testdata/peer.py sends it too.
func message(n int) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(n)), bytes.Repeat([]byte{byte(n % 251)}, n*7919%100_000)...)
}

var _ = mptest.Register("flood", func(args []string) {
	c, err := Dial(background, args[0], Config{Authkey: key})
	mptest.Must(err)
	for n := 1; ; n++ {
		mptest.Must(c.SendBytes(background, message(n)))
	}
})

// A peer killed at any moment is an end, at a message's border or inside one; what came before is whole.
func TestPeerIsKilled(t *testing.T) {
	mptest.Check(t)
	l, _ := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
	ends := map[string]int{}
	for i := range 12 {
		var p *mptest.Proc
		if i%6 == 0 {
			p = peer(t, mptest.Python(t), "flood", l.Addr(), key)
		} else {
			p = mptest.Start(t, "flood", l.Addr())
		}
		c, err := l.Accept(background)
		noErr(t, err)
		kill := time.AfterFunc(time.Duration(rand.IntN(10_000))*time.Microsecond, func() { _ = killProc(p) })
		var buf []byte
		for n := 1; ; n++ {
			if buf, err = c.RecvBytes(background, buf); err != nil {
				break
			}
			if !bytes.Equal(buf, message(n)) {
				t.Fatalf("message %d is not what was sent", n)
			}
		}
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			ends["inside"]++
		case errors.Is(err, io.EOF):
			ends["between"]++
		default:
			t.Error(err)
		}
		kill.Stop()
		c.Close()
		p.Kill()
	}
	t.Log(ends)
}

// A peer killed in the handshake.
func TestClientIsKilledInTheHandshake(t *testing.T) {
	mptest.Check(t)
	l, _ := listener(t, "unix:"+socketPath(t), Config{Authkey: key, HandshakeTimeout: time.Minute})
	for range 6 {
		p := mptest.Start(t, "flood", l.Addr())
		time.Sleep(time.Duration(rand.IntN(12_000)) * time.Microsecond)
		p.Kill()
	}
	c, err := Dial(background, l.Addr(), Config{Authkey: key})
	noErr(t, err)
	defer c.Close()
	for { // those that got through before they died, then ours
		s, err := l.Accept(background)
		noErr(t, err)
		pid, _, _ := s.Peer()
		s.Close()
		if pid == os.Getpid() {
			return
		}
	}
}

var _ = mptest.Register("serve", func(args []string) {
	l, err := Listen(args[0], Config{Authkey: key})
	mptest.Must(err)
	mptest.Say("listening")
	for {
		_, err := l.Accept(background)
		mptest.Must(err)
		mptest.Say("accepted")
	}
})

// A listener that is killed lets no client wait, leaves a socket file, and is replaced.
func TestListenerIsKilled(t *testing.T) {
	mptest.Check(t)
	address := "unix:" + socketPath(t)
	for range 3 { // each in the place of a dead one
		p := mptest.Start(t, "serve", address)
		p.Expect("listening")
		_, err := Listen(address, Config{})
		wantErr(t, err, ErrInUse)
		w := peer(t, mptest.Python(t), "waits", address, key)
		w.Expect("waiting")
		c, err := Dial(background, address, Config{Authkey: key})
		noErr(t, err)
		time.AfterFunc(5*time.Millisecond, func() { _ = killProc(p) })
		if _, err := c.Recv(background); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		wantErr(t, c.Send(background, "anybody?"), ErrGone)
		c.Close()
		w.Expect("EOFError")
		w.Done()
		p.Kill()
	}
}

// killProc kills without the test's Proc, which is for one goroutine.
func killProc(p *mptest.Proc) error {
	proc, err := os.FindProcess(p.Pid())
	if err != nil {
		return err
	}
	defer proc.Release()
	return proc.Kill()
}
