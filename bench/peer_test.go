package main

import (
	"context"
	"errors"
	"example.com/atrium/internal/mptest"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// interpreter is any Python: the conversation needs the standard library only.
func interpreter(t *testing.T) string {
	name := os.Getenv("ATRIUM_PYTHON")
	if name == "" {
		name = "python3"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		mptest.Skip(t, "no Python: "+err.Error())
	}
	return path
}

// peerHost has one peer program, made of source and the real peer.py.
func peerHost(t *testing.T, source string) *host {
	python := interpreter(t)
	h := &host{root: t.TempDir(), scratch: t.TempDir(), log: io.Discard, python: func() (string, error) { return python, nil }}
	peers := filepath.Join(h.root, "bench", "peers")
	if err := os.MkdirAll(peers, 0o755); err != nil {
		t.Fatal(err)
	}
	common, err := os.ReadFile("peers/peer.py")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"peer.py": string(common), "test.py": source} {
		if err := os.WriteFile(filepath.Join(peers, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

const wellBehaved = `
import os, subprocess, sys
from peer import main, check
class Peer:
    def setup(self, answer, scratch):
        print("noise on stdout")
        subprocess.run(["echo", "more noise"])
        self.answer = answer
        self.child = subprocess.Popen(["sleep", "1000"])
        with open(answer, "w") as f:
            f.write(str(self.child.pid))
    def round(self, seed):
        if seed == 5:
            check(seed, 6)
        if seed == 6:
            print("last words", file=sys.stderr)
            os._exit(3)
        if seed == 7:
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(1000)
        return {"m": seed / 2}
    def teardown(self):
        pass
main({"peer": Peer})
`

func openPeer(t *testing.T) (s *session, child func() bool) {
	h := peerHost(t, wellBehaved)
	pidFile := filepath.Join(h.scratch, "pid")
	s, err := python("peer", "test.py", map[string]any{"answer": pidFile}).open(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	return s, func() bool {
		state, err := os.ReadFile(filepath.Join("/proc", string(pid), "stat"))
		return err == nil && !strings.Contains(string(state), ") Z ")
	}
}

func TestPeer(t *testing.T) {
	s, childAlive := openPeer(t)
	got, err := s.round(t.Context(), 3)
	if err != nil || got["m"] != 1.5 {
		t.Errorf("round gave %v, %v", got, err)
	}
	if _, err := s.round(t.Context(), 5); err == nil || !strings.Contains(err.Error(), "wrong result: got 5, want 6") {
		t.Errorf("a wrong result gave %v", err)
	}
	if _, err := s.round(t.Context(), 3); err != nil {
		t.Errorf("the round after a failed one gave %v", err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the peer's child is still there", func() bool { return !childAlive() })
}

func TestPeerDies(t *testing.T) {
	s, childAlive := openPeer(t)
	if _, err := s.round(t.Context(), 6); err == nil || !strings.Contains(err.Error(), "last words") {
		t.Errorf("a peer that died gave %v", err)
	}
	if err := s.close(); err == nil {
		t.Error("closing a dead peer is no error")
	}
	eventually(t, "the dead peer's child is still there", func() bool { return !childAlive() })
}

func TestPeerHangs(t *testing.T) {
	s, childAlive := openPeer(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
	if _, err := s.round(ctx, 7); !errors.Is(err, why) {
		t.Errorf("a cancelled round gave %v", err)
	}
	s.close()
	eventually(t, "the hanging peer's child is still there", func() bool { return !childAlive() })
}

func TestPeerNotInstalled(t *testing.T) {
	h := peerHost(t, `
from peer import main
class Peer:
    def setup(self, scratch):
        import no_such_module
    def teardown(self):
        pass
main({"peer": Peer})
`)
	_, err := python("peer", "test.py", nil).open(t.Context(), h)
	if err == nil || !strings.Contains(err.Error(), "No module named 'no_such_module'") {
		t.Errorf("a peer that is not installed gave %v", err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error(what)
			return
		}
	}
}

func TestAllowed(t *testing.T) {
	for status, want := range map[string][]int{
		"Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,7\n": {0, 1, 2, 7},
		"Cpus_allowed_list:\t3\n":                                  {3},
		"Cpus_allowed_list:\tall\n":                                nil,
		"":                                                         nil,
	} {
		if got := allowed(status); !slices.Equal(got, want) {
			t.Errorf("allowed(%q) = %v, want %v", status, got, want)
		}
	}
	siblings := func(cpu int) string { return []string{"0,2", "1,3", "0,2", "1,3"}[cpu] }
	if got := distinctCores([]int{0, 2, 3}, siblings); !slices.Equal(got, []int{0, 3}) {
		t.Errorf("two threads of one core were chosen: %v", got)
	}
	if got := distinctCores([]int{0, 2}, siblings); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("with one core only: %v", got)
	}
}

// A peer that cannot be built says why.
func TestPeerNotBuilt(t *testing.T) {
	h := &host{root: t.TempDir(), scratch: t.TempDir(), log: io.Discard}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if _, err := exec.LookPath("cargo"); err == nil {
		if _, err := rust("peer", "none").open(t.Context(), h); err == nil || !strings.Contains(err.Error(), "none does not build") {
			t.Errorf("a crate that is not there gave %v", err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := rust("peer", "none").open(t.Context(), h); err == nil || !strings.Contains(err.Error(), "no Rust") {
		t.Errorf("without cargo: %v", err)
	}
	if _, err := native("peer", "none.c", "none").open(t.Context(), h); err == nil || !strings.Contains(err.Error(), "no C compiler") {
		t.Errorf("without cc: %v", err)
	}
}

// A reply that lies about its length is refused before anything is allocated.
func TestReceiveBytes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := sendBytes(w, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	if b, err := receiveBytes(r); err != nil || string(b) != "abc" {
		t.Errorf("got %q, %v", b, err)
	}
	w.Write([]byte{0x7f, 0xff, 0xff, 0xff})
	if _, err := receiveBytes(r); err == nil {
		t.Error("a reply of 2 GB was accepted")
	}
}
