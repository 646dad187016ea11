package connection

import (
	"fmt"
	"os"
	"slices"
	"time"

	"example.com/atrium/pickle"
)

// Config is what Listen, Dial, Pipe and FromFile are told. The zero value authenticates nobody, which is refused for TCP.
type Config struct {
	// Authkey is the secret that both ends have; Python's authkey=. nil means no authentication; empty is an error.
	Authkey []byte
	// Digest that a peer's answer is asked in: md5, sha256, sha384, sha3_256 or sha3_384; default sha256, as in CPython. A
	// peer may answer in another of them, and CPython before 3.12 knows nothing but MD5.
	Digest string
	// RefuseMD5 refuses peers that answer in MD5, or ask for it: CPython before 3.12.
	RefuseMD5 bool
	// MaxMessage is the longest message that is received, in bytes; default 1 GiB. Memory is allocated as bytes come.
	MaxMessage int
	// Limits bound what Recv decodes.
	Limits pickle.Limits
	// HandshakeTimeout bounds the whole handshake; default 10 s.
	HandshakeTimeout time.Duration
	// MaxHandshakes is how many clients a Listener serves at once before Accept hands them out; default 64. Others wait
	// in the kernel's queue; when all places are taken, a client that has been silent for 1 s loses its.
	MaxHandshakes int
	// AllowUIDs are users, besides this process's own, whose processes may be at the other end of a Unix socket. The
	// socket file's mode has to let them in too.
	AllowUIDs []uint32
	// Refused, if any, is told why a Listener turned a client away, or could not take one. It may be called by several goroutines; it must
	// not call the Listener's Close, which waits for it.
	Refused func(remote string, err error)
}

func (c Config) withDefaults() Config {
	c.Authkey = slices.Clone(c.Authkey)
	if c.Digest == "" {
		c.Digest = "sha256"
	}
	if c.MaxMessage <= 0 {
		c.MaxMessage = 1 << 30
	}
	if c.Limits.MaxBytes <= 0 {
		c.Limits.MaxBytes = c.MaxMessage
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = 10 * time.Second
	}
	if c.MaxHandshakes <= 0 {
		c.MaxHandshakes = 64
	}
	return c
}

// check is for the configuration of a Listener or of Dial.
func (c Config) check(a address) error {
	switch {
	case c.Authkey != nil && len(c.Authkey) == 0:
		return fmt.Errorf("%w: the one given is empty, which everybody could guess", ErrAuthkey)
	case c.Authkey == nil && a.scheme == "tcp":
		return fmt.Errorf("%w for TCP, where every user of the machine, or of the network, can connect; set Config.Authkey", ErrAuthkey)
	case digests[c.Digest] == nil:
		return fmt.Errorf("%w: %q is no digest; use md5, sha256, sha384, sha3_256 or sha3_384", ErrAuthkey, c.Digest)
	case c.Digest == "md5" && c.RefuseMD5:
		return fmt.Errorf("%w: Digest is md5 and RefuseMD5 refuses it", ErrAuthkey)
	}
	return nil
}

// allows tells whether a user's process may be at the other end of a Unix socket.
func (c Config) allows(uid uint32) error {
	if own := uint32(os.Geteuid()); uid != own && !slices.Contains(c.AllowUIDs, uid) {
		return fmt.Errorf("%w: uid %d, and this is uid %d; Config.AllowUIDs can allow it", ErrPeer, uid, own)
	}
	return nil
}
