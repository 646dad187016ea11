package connection

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener takes connections at an address. Clients shake hands side by side, so that one that is silent, slow or hostile
// holds up nobody.
type Listener struct {
	conf Config
	addr address
	ln   net.Listener
	file *socketFile // nil unless a Unix socket
	open chan *Conn  // those that may be accepted
	gone chan struct{}
	take atomic.Pointer[func(*Conn) func()] // of Serve, while it runs

	mu     sync.Mutex
	guests []*guest      // who has a place, the oldest first
	freed  chan struct{} // told when one has not any more

	wait sync.WaitGroup
	once sync.Once
	err  error
}

// Listen begins to listen. 0.2 ms. A Unix socket's file is 0600, a directory made for it 0700; the file that a dead listener left is
// replaced, and Close removes ours. TCP needs an authkey, and listens where HOST says and nowhere else; port 0 is one that is free.
//
// Errors: ErrAddress, ErrAuthkey, ErrInUse when somebody listens there.
func Listen(address string, conf Config) (*Listener, error) {
	l, err := listen(address, conf.withDefaults())
	return l, wrap("listen", address, err)
}

func listen(s string, conf Config) (*Listener, error) {
	a, err := parse(s)
	if err == nil {
		err = conf.check(a)
	}
	if err != nil {
		return nil, err
	}
	l := &Listener{conf: conf, addr: a, open: make(chan *Conn), gone: make(chan struct{}), freed: make(chan struct{}, 1)}
	if a.scheme == "unix" {
		l.ln, l.file, err = listenUnix(a)
	} else {
		l.ln, err = net.Listen(a.network(), a.target())
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		err = ErrInUse
	}
	if err != nil {
		return nil, err
	}
	if a.scheme == "tcp" { // the port may have been 0
		host, _, _ := net.SplitHostPort(a.name)
		l.addr.name = net.JoinHostPort(host, strconv.Itoa(l.ln.Addr().(*net.TCPAddr).Port))
	}
	l.wait.Add(1)
	go l.run()
	return l, nil
}

// Addr is the address as Dial takes it: a path absolute, a port that was 0 the one that it became.
func (l *Listener) Addr() string { return l.addr.String() }

// Accept waits for a client that has proved the authkey; clients that have not are never seen here, but by Config.Refused. They
// come in the order in which they got through the handshake. Errors: the cause of ctx's end, ErrClosed.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	select {
	case c := <-l.open:
		return c, nil
	case <-ctx.Done():
		return nil, wrap("accept", l.Addr(), context.Cause(ctx))
	case <-l.gone:
		return nil, wrap("accept", l.Addr(), ErrClosed)
	}
}

// Serve accepts until ctx ends or the Listener is closed. take is called for each client, in a goroutine of the client's own, and says what is to be done
// with it, in the same goroutine: nothing more when it returns nil. It must not wait, as Close waits for it; what it returns may. This takes a third less
// time for each client than Accept and a goroutine. The error is the cause of ctx's end, or ErrClosed.
func (l *Listener) Serve(ctx context.Context, take func(*Conn) func()) error {
	l.take.Store(&take)
	defer l.take.Store(nil)
	for {
		c, err := l.Accept(ctx) // those that came before
		if err != nil {
			return err
		}
		if serve := take(c); serve != nil {
			go serve()
		}
	}
}

// Close stops listening, removes the socket file, and drops clients that were not accepted yet. Connections that were stay. Accept
// returns ErrClosed. Again is nothing.
func (l *Listener) Close() error {
	l.once.Do(func() {
		close(l.gone)
		l.err = errors.Join(l.file.remove(), l.ln.Close())
		l.mu.Lock()
		for _, g := range l.guests {
			if !g.known { // the others see gone, or were accepted just now
				g.nc.Close()
			}
		}
		l.mu.Unlock()
		l.wait.Wait()
	})
	return wrap("close", l.Addr(), l.err)
}

func (l *Listener) closed() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// run takes clients from the kernel.
func (l *Listener) run() {
	defer l.wait.Done()
	pause := time.Millisecond
	for {
		nc, err := l.ln.Accept()
		switch {
		case l.closed():
			if err == nil {
				nc.Close()
			}
			return
		case err != nil: // out of descriptors or memory: the client waits in the kernel's queue
			l.refuse("", fmt.Errorf("cannot take a client: %w", cause(err)))
			select {
			case <-l.gone:
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = time.Millisecond
		l.admit(nc.(socket))
	}
}

func (l *Listener) refuse(remote string, err error) {
	if l.conf.Refused != nil {
		l.conf.Refused(remote, wrap("accept", l.Addr(), err))
	}
}
