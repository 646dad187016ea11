package connection

import (
	"net"
	"os"

	"example.com/atrium/internal/sys"
)

// Pipe makes two connected ends, as multiprocessing.Pipe does. To give one to a child, call its File. Nobody is authenticated; of the
// configuration, limits count. When the last process that has an end dies or closes it, the other reads io.EOF: close the file
// that was given away. 10 µs.
func Pipe(conf Config) (a, b *Conn, err error) {
	ours, f, err := sys.SocketPair()
	if err != nil {
		return nil, nil, wrap("pipe", "", err)
	}
	if b, err = FromFile(f, conf); err != nil {
		ours.Close()
		return nil, nil, err
	}
	if a, err = newConn(ours, conf.withDefaults(), "pipe", "pipe"); err != nil {
		ours.Close()
		b.Close()
		return nil, nil, wrap("pipe", "", err)
	}
	_ = a.meet() // for Peer only: this process is there
	return a, b, nil
}

// FromFile makes a Conn of a connected stream socket that came by its descriptor, for instance from a parent: os.NewFile(3, "").
// It authenticates nobody. The file is closed, also with an error; the Conn has its own.
func FromFile(f *os.File, conf Config) (*Conn, error) {
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil, wrap("open", f.Name(), err)
	}
	s, ok := nc.(socket)
	if !ok {
		nc.Close()
		return nil, wrap("open", f.Name(), ErrFormat)
	}
	local, remote := "pipe", "pipe"
	if _, tcp := nc.(*net.TCPConn); tcp {
		local, remote = "tcp:"+nc.LocalAddr().String(), "tcp:"+nc.RemoteAddr().String()
	}
	c, err := newConn(s, conf.withDefaults(), local, remote)
	if err != nil {
		nc.Close()
		return nil, wrap("open", f.Name(), err)
	}
	_ = c.meet() // for Peer only: whoever gave us the descriptor answers for it
	return c, nil
}
