package connection

import (
	"context"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"example.com/atrium/internal/sys"
)

// Conn carries whole messages both ways. All methods may be called from several goroutines.
type Conn struct {
	nc     socket
	raw    syscall.RawConn
	conf   Config
	local  string
	remote string
	pid    int
	uid    uint32
	known  bool // pid and uid are

	in     half
	reader *reader
	out    half
	header [longHead]byte
	parts  [2][]byte
	vector net.Buffers
	small  []byte // a message with its header

	closed atomic.Bool
	gone   chan struct{}
	once   sync.Once
	err    error
}

// socket is a *net.UnixConn or a *net.TCPConn.
type socket interface {
	net.Conn
	syscall.Conn
	File() (*os.File, error)
}

func newConn(nc socket, conf Config, local, remote string) (*Conn, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{nc: nc, raw: raw, conf: conf, local: local, remote: remote, reader: newReader(nc), gone: make(chan struct{})}
	c.reader.await = newHolder(raw).await
	c.in = half{turn: make(chan struct{}, 1), limit: nc.SetReadDeadline, closed: &c.closed, gone: c.gone}
	c.out = half{turn: make(chan struct{}, 1), limit: nc.SetWriteDeadline, closed: &c.closed, gone: c.gone}
	if _, tcp := nc.(*net.TCPConn); tcp {
		// CPython writes a long message's header and body apart and leaves Nagle's algorithm on: its kernel holds the
		// body back until we acknowledge the header, which ours delays by 40 ms.
		c.reader.hurry = func() { sys.QuickAck(raw) }
	}
	return c, nil
}

// LocalAddr is this end's address, as Dial takes it; "pid:N" for a client of a Unix socket, which has none, and "pipe" for a Pipe.
func (c *Conn) LocalAddr() string { return c.local }

// RemoteAddr is the other end's address.
func (c *Conn) RemoteAddr() string { return c.remote }

// Peer tells which process, and which user's, was at the other end of a Unix socket when it connected or began to listen; ok is false
// for TCP. A process that has ended may have left its pid to another.
func (c *Conn) Peer() (pid int, uid uint32, ok bool) { return c.pid, c.uid, c.known }

// Close ends the connection. Calls that wait return ErrClosed, and have returned when Close does. What was sent still
// arrives, then the peer reads the end. Again is nothing.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.closed.Store(true)
		close(c.gone)
		c.err = c.fail("close", c.nc.Close())
		c.in.release()
		c.out.release()
	})
	return c.err
}

// File takes the socket out of the Conn, for a child's ExtraFiles; in Python it is multiprocessing.connection.Connection(fd), in Go
// FromFile. The Conn is closed by it: one process at a time has an end. Close the file when the child was started. It fails when part of what was
// received is in the Conn already, and then leaves it as it is.
func (c *Conn) File() (*os.File, error) {
	if err := c.in.begin(context.Background()); err != nil {
		return nil, c.fail("file", err)
	}
	var f *os.File
	err := errRead
	if r := c.reader; !r.open && r.from == r.to {
		f, err = c.nc.File()
	}
	c.in.end()
	if err != nil {
		return nil, c.fail("file", err)
	}
	return f, c.Close()
}

// fail wraps an error of an operation; of those after Close nothing is worth knowing but that.
func (c *Conn) fail(op string, err error) error {
	if err != nil && c.closed.Load() && op != "close" {
		err = ErrClosed
	}
	return wrap(op, c.remote, err)
}
