package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
)

var key = []byte("a key for the tests")

func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "conn") // shorter than t.TempDir, as sockets want it
	noErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "place", "s")
}

// listener listens at a new address, and says what was refused.
func listener(t testing.TB, address string, conf Config) (*Listener, func() string) {
	t.Helper()
	var mu sync.Mutex
	var said []string
	conf.Refused = func(remote string, err error) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, remote+" "+err.Error())
	}
	l, err := Listen(address, conf)
	noErr(t, err)
	t.Cleanup(func() { noErr(t, l.Close()) })
	return l, func() string {
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			s := strings.Join(said, "\n")
			mu.Unlock()
			if s != "" || time.Now().After(end) {
				return s
			}
		}
	}
}

// addresses of each kind, new ones.
func addresses(t testing.TB) []string {
	t.Helper()
	path := socketPath(t)
	return []string{"unix:" + path, "abstract:atrium-test" + path, "tcp:127.0.0.1:0"}
}

// meet gives both ends of a connection to l.
func meet(t testing.TB, l *Listener, conf Config) (client, server *Conn) {
	t.Helper()
	client, err := Dial(background, l.Addr(), conf)
	noErr(t, err)
	ctx, stop := within(time.Minute)
	defer stop()
	server, err = l.Accept(ctx)
	noErr(t, err)
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

func TestAddresses(t *testing.T) {
	wd, _ := os.Getwd()
	for _, c := range []struct{ in, want, python string }{
		{"unix:/tmp/a:b", "unix:/tmp/a:b", "'/tmp/a:b'"},
		{"unix:@x", "unix:" + wd + "/@x", "'" + wd + "/@x'"},
		{"unix:/it's", "unix:/it's", `"/it's"`},
		{"abstract:name", "abstract:name", `'\x00name'`},
		{"tcp:localhost:80", "tcp:localhost:80", "('localhost', 80)"},
		{"tcp:[::1]:80", "tcp:[::1]:80", ""},
		{"unix:" + strings.Repeat("x", 200), "", ""},
		{"unix:/" + strings.Repeat("x", 107), "", ""},
		{"unix:a\x00b", "", ""},
		{"abstract:" + strings.Repeat("x", 108), "", ""},
		{"abstract:a\x00b", "", ""},
		{"unix:", "", ""}, {"", "", ""}, {"/tmp/x", "", ""}, {"tcp:80", "", ""}, {"tcp::80", "", ""}, {"tcp:h:http", "", ""},
		{"tcp:h:65536", "", ""}, {"tcp:h:+1", "", ""}, {"udp:h:1", "", ""},
	} {
		a, err := parse(c.in)
		if c.want == "" {
			if !errors.Is(err, ErrAddress) {
				t.Errorf("%q: %v, %v", c.in, a, err)
			}
			continue
		}
		if err != nil || a.String() != c.want {
			t.Errorf("%q: %v, %v", c.in, a, err)
		}
		if p, err := PythonAddress(c.in); p != c.python || (err == nil) != (c.python != "") {
			t.Errorf("%q in Python: %s, %v", c.in, p, err)
		}
	}
}

func TestListenAndDial(t *testing.T) {
	mptest.Check(t)
	for _, address := range addresses(t) {
		for _, k := range [][]byte{nil, key} {
			if k == nil && strings.HasPrefix(address, "tcp") {
				continue
			}
			l, _ := listener(t, address, Config{Authkey: k})
			c, s := meet(t, l, Config{Authkey: k})
			if c.RemoteAddr() != l.Addr() || s.LocalAddr() != l.Addr() || s.RemoteAddr() != c.LocalAddr() {
				t.Errorf("%s: client %s to %s, server %s to %s", l.Addr(), c.LocalAddr(), c.RemoteAddr(), s.LocalAddr(), s.RemoteAddr())
			}
			for _, x := range []*Conn{c, s} {
				if pid, uid, ok := x.Peer(); ok != !strings.HasPrefix(address, "tcp") || ok && (pid != os.Getpid() || int(uid) != os.Getuid()) {
					t.Error(pid, uid, ok)
				}
			}
			noErr(t, c.Send(background, "hello"))
			if v, err := s.Recv(background); v != "hello" || err != nil {
				t.Error(v, err)
			}
			noErr(t, l.Close())
			_, err := l.Accept(background)
			wantErr(t, err, ErrClosed)
			noErr(t, s.Send(background, "still here")) // connections outlive their listener
			if v, err := c.Recv(background); v != "still here" || err != nil {
				t.Error(v, err)
			}
			_, err = Dial(background, l.Addr(), Config{Authkey: k})
			if !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	}
}

func TestKeysAreWanted(t *testing.T) {
	path := socketPath(t)
	for _, c := range []struct {
		address string
		conf    Config
		says    string
	}{
		{"tcp:127.0.0.1:0", Config{}, "TCP"},
		{"tcp:0.0.0.0:0", Config{}, "TCP"},
		{"tcp:127.0.0.1:0", Config{Authkey: []byte{}}, "empty"},
		{"unix:" + path, Config{Authkey: []byte{}}, "empty"},
		{"unix:" + path, Config{Authkey: key, Digest: "sha1"}, "sha1"},
		{"unix:" + path, Config{Authkey: key, Digest: "md5", RefuseMD5: true}, "RefuseMD5"},
	} {
		_, err := Listen(c.address, c.conf)
		wantErr(t, err, ErrAuthkey, c.says)
		_, err = Dial(background, c.address, c.conf)
		wantErr(t, err, ErrAuthkey, c.says)
	}
}

func TestWrongKeyOnEitherSide(t *testing.T) {
	l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key, HandshakeTimeout: 100 * time.Millisecond})
	_, err := Dial(background, l.Addr(), Config{Authkey: []byte("another")})
	wantErr(t, err, ErrAuthentication, "the digest sent was rejected")
	if s := refused(); !strings.Contains(s, "authentication failed: the digest that came is wrong") {
		t.Error(s)
	}
	// A client without a key, which stock Python lets both wait for ever.
	c, err := Dial(background, l.Addr(), Config{})
	noErr(t, err)
	defer c.Close()
	_, err = c.Recv(background)
	wantErr(t, err, ErrAuthkey, "challenge")
	// A listener without a key.
	open, _ := listener(t, "unix:"+socketPath(t), Config{})
	_, err = Dial(background, open.Addr(), Config{Authkey: key, HandshakeTimeout: 50 * time.Millisecond})
	wantErr(t, err, ErrAuthentication, "within 50ms", "authkey")
	wantErr(t, err, os.ErrDeadlineExceeded)
	ctx, stop := within(20 * time.Millisecond)
	defer stop()
	_, err = Dial(ctx, open.Addr(), Config{Authkey: key})
	wantErr(t, err, context.DeadlineExceeded)
}

func TestSocketFile(t *testing.T) {
	mptest.Check(t)
	path := socketPath(t)
	l, err := Listen("unix:"+path, Config{})
	noErr(t, err)
	if st, err := os.Lstat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Error(st.Mode(), err)
	}
	if st, err := os.Lstat(filepath.Dir(path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Error(st.Mode(), err)
	}
	_, err = Listen("unix:"+path, Config{})
	wantErr(t, err, ErrInUse, fmt.Sprint("process ", os.Getpid()))
	noErr(t, os.Rename(path, path+"2"))
	noErr(t, os.WriteFile(path, nil, 0o600))
	_, err = Listen("unix:"+path, Config{})
	wantErr(t, err, ErrInUse, "is no socket")
	noErr(t, l.Close()) // the file that has its name now is not its own
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
	noErr(t, os.Remove(path))
	// A dead listener's: path+"2" is one.
	_, err = Dial(background, "unix:"+path+"2", Config{})
	wantErr(t, err, syscall.ECONNREFUSED, "dead")
	l, err = Listen("unix:"+path+"2", Config{})
	noErr(t, err)
	meet(t, l, Config{})
	noErr(t, l.Close())
	noErr(t, l.Close())
	left, _ := os.ReadDir(filepath.Dir(path))
	if len(left) > 0 {
		t.Error(left)
	}
	_, err = Dial(background, l.Addr(), Config{})
	wantErr(t, err, fs.ErrNotExist, "nobody listens")
	noErr(t, os.Chmod(filepath.Dir(path), 0o777))
	if _, err = Listen("unix:"+path, Config{}); err == nil || !strings.Contains(err.Error(), "others may change") {
		t.Error(err)
	}
}

// Of many that replace a dead listener's file at the same time one listens, and its file stays.
func TestReplaceInStep(t *testing.T) {
	path := socketPath(t)
	noErr(t, os.Mkdir(filepath.Dir(path), 0o700))
	for range 20 {
		dead, err := net.Listen("unix", path)
		noErr(t, err)
		dead.(*net.UnixListener).SetUnlinkOnClose(false)
		dead.Close()
		var won atomic.Pointer[Listener]
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				switch l, err := Listen("unix:"+path, Config{}); {
				case err == nil && won.Swap(l) != nil:
					t.Error("two listen")
				case err != nil && !errors.Is(err, ErrInUse):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		meet(t, won.Load(), Config{})
		noErr(t, won.Load().Close())
	}
}

func TestOtherUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	name := "abstract:atrium-test" + socketPath(t)
	_, refused := listener(t, name, Config{})
	become := func(uid int, f func()) { // the effective uid of this thread, which is the one the kernel notes
		done := make(chan bool)
		go func() {
			defer close(done)
			asUser(t, uid, f)
		}()
		<-done
	}
	become(12345, func() {
		nc, err := net.Dial("unix", "@"+strings.TrimPrefix(name, "abstract:"))
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		if n, err := nc.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Error(n, err)
		}
	})
	if s := refused(); !strings.Contains(s, "uid 12345") || !strings.Contains(s, "AllowUIDs") {
		t.Error(s)
	}
	other := "abstract:atrium-other" + socketPath(t)
	become(12345, func() {
		ln, err := net.Listen("unix", "@"+strings.TrimPrefix(other, "abstract:"))
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { ln.Close() })
	})
	_, err := Dial(background, other, Config{Authkey: key})
	wantErr(t, err, ErrPeer, "uid 12345")
	c, err := Dial(background, other, Config{AllowUIDs: []uint32{12345}})
	noErr(t, err)
	c.Close()
}

// The time for the handshake is none for what follows.
func TestHandshakeTimeIsOver(t *testing.T) {
	conf := Config{Authkey: key, HandshakeTimeout: 100 * time.Millisecond}
	l, _ := listener(t, "unix:"+socketPath(t), conf)
	c, s := meet(t, l, conf)
	time.Sleep(150 * time.Millisecond)
	for _, x := range [][2]*Conn{{c, s}, {s, c}} {
		noErr(t, x[0].SendBytes(background, []byte("late")))
		if _, err := x[1].RecvBytes(background, nil); err != nil {
			t.Error(err)
		}
	}
}

// Silent and slow clients hold up nobody, and lose their places when others want them.
func TestSilentClients(t *testing.T) {
	mptest.Check(t)
	l, refused := listener(t, "tcp:127.0.0.1:0", Config{Authkey: key, HandshakeTimeout: time.Minute, MaxHandshakes: 4})
	tcp := strings.TrimPrefix(l.Addr(), "tcp:")
	var silent []net.Conn
	for range 3 {
		silent = append(silent, must(net.Dial("tcp", tcp)))
	}
	meet(t, l, Config{Authkey: key}) // a place is left
	for range 3 {
		silent = append(silent, must(net.Dial("tcp", tcp)))
	}
	began := time.Now()
	meet(t, l, Config{Authkey: key}) // none is: it comes after those that were before it
	if d := time.Since(began); d > 30*time.Second {
		t.Errorf("waited %v", d)
	}
	if s := refused(); !strings.Contains(s, "silent for 1s") {
		t.Error(s)
	}
	for _, c := range silent {
		c.Close()
	}
}

func TestSlowloris(t *testing.T) {
	mptest.Check(t)
	l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key, HandshakeTimeout: 150 * time.Millisecond})
	nc, err := net.Dial("unix", strings.TrimPrefix(l.Addr(), "unix:"))
	noErr(t, err)
	defer nc.Close()
	began := time.Now()
	for _, b := range frames(strings.Repeat("x", 256)) { // a byte at a time, always a little
		if _, err = nc.Write([]byte{b}); err != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if d := time.Since(began); err == nil || d > 20*time.Second {
		t.Errorf("served for %v, %v", d, err)
	}
	if s := refused(); !strings.Contains(s, "within 150ms") {
		t.Error(s)
	}
	meet(t, l, Config{Authkey: key})
}

// What an unauthenticated client may send is 256 bytes.
func TestLongAnswerIsNotRead(t *testing.T) {
	l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key})
	nc, err := net.Dial("unix", strings.TrimPrefix(l.Addr(), "unix:"))
	noErr(t, err)
	defer nc.Close()
	nc.Write(frames(strings.Repeat("x", 257)))
	got, err := io.ReadAll(nc)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) || strings.Contains(string(got), failureWord) {
		t.Errorf("%q, %v", got, err)
	}
	if s := refused(); !strings.Contains(s, "257 bytes, and at most 256") {
		t.Error(s)
	}
}

func TestManyAtOnce(t *testing.T) {
	mptest.Check(t)
	l, refused := listener(t, "unix:"+socketPath(t), Config{Authkey: key, MaxHandshakes: 8})
	const clients = 300
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c, err := Dial(background, l.Addr(), Config{Authkey: key})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			noErrGo(t, c.Send(background, i))
			if v, err := c.Recv(background); v != int64(i) || err != nil {
				t.Error(v, err)
			}
		})
	}
	for range clients {
		c, err := l.Accept(background)
		noErr(t, err)
		wg.Go(func() {
			defer c.Close()
			v, err := c.Recv(background)
			noErrGo(t, err)
			noErrGo(t, c.Send(background, v))
		})
	}
	wg.Wait()
	if t.Failed() {
		t.Log(refused())
	}
}

// A listener whose queue is full is waited for: the kernel does not do that for sockets that do not block.
func TestFullQueue(t *testing.T) {
	path := socketPath(t)
	noErr(t, os.Mkdir(filepath.Dir(path), 0o700))
	p := mptest.StartPython(t, `
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
print("ready"); input()
while True: s.accept()
`, path)
	p.Expect("ready")
	for {
		nc, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		noErr(t, err)
		defer nc.Close()
	}
	_, err := Dial(background, "unix:"+path, Config{HandshakeTimeout: 20 * time.Millisecond})
	wantErr(t, err, syscall.EAGAIN, "full")
	_, err = Listen("unix:"+path, Config{})
	wantErr(t, err, ErrInUse)
	time.AfterFunc(30*time.Millisecond, func() { p.Send("go on") })
	c, err := Dial(background, "unix:"+path, Config{})
	noErr(t, err)
	c.Close()
}
