//go:build linux

package sys

import (
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestLocks has two descriptions of one file in one process exclude each other as two processes do.
func TestLocks(t *testing.T) {
	path := create(t, "f").Name()
	a, b := open(t, path), open(t, path)
	try := func(f *os.File, off int64, exclusive, want bool) {
		t.Helper()
		if got, err := TryLock(f, off, exclusive); got != want || err != nil {
			t.Errorf("TryLock(%d, exclusive %v) is %v, %v, want %v", off, exclusive, got, err, want)
		}
	}
	locked := func(f *os.File, off int64, want bool) {
		t.Helper()
		if got, err := Locked(f, off); got != want || err != nil {
			t.Errorf("Locked(%d) is %v, %v, want %v", off, got, err, want)
		}
	}
	try(a, 100, true, true)
	locked(b, 100, true)
	locked(a, 100, false) // one's own is invisible
	locked(b, 99, false)
	locked(b, 101, false)
	try(b, 100, true, false)
	try(b, 100, false, false)
	try(b, 101, true, true)
	try(a, 100, true, true) // again
	if err := Unlock(a, 100); err != nil {
		t.Error(err)
	}
	locked(b, 100, false)
	try(a, 0, false, true)
	try(b, 0, false, true) // both share
	try(a, 0, true, false)
	locked(a, 0, true)
	b.Close()
	locked(a, 101, false) // closing gave all of them back
	try(a, 0, true, true)
	a.Close()
	if _, err := TryLock(a, 0, true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("lock of a closed file: %v", err)
	}
	if _, err := Locked(a, 0); err == nil {
		t.Error("asked a closed file")
	}
	if err := Lock(a, 0, true); err == nil {
		t.Error("locked a closed file")
	}
	if err := Unlock(a, 0); err == nil {
		t.Error("unlocked a closed file")
	}
}

func TestLockWaits(t *testing.T) {
	path := create(t, "f").Name()
	a, b := open(t, path), open(t, path)
	if err := Lock(a, 5, true); err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() { got <- Lock(b, 5, false) }()
	select {
	case err := <-got:
		t.Fatalf("locked what was locked: %v", err)
	case <-time.After(50 * time.Millisecond): // longer than the runtime lets a thread be without a signal
	}
	a.Close()
	select {
	case err := <-got:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("Lock waits for a lock that is free")
	}
}

// TestUnlockDespiteCopies has Unlock free a byte although the description lives on in a copy of its descriptor, as in a
// child that is being started.
func TestUnlockDespiteCopies(t *testing.T) {
	path := create(t, "f").Name()
	a, b := open(t, path), open(t, path)
	if ok, err := TryLock(a, 7, true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	fd, err := Descriptor(a)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := os.NewFile(uintptr(copied), "copy")
	defer c.Close()
	a.Close()
	if held, err := Locked(b, 7); !held || err != nil {
		t.Errorf("held %v, %v: closing one descriptor of two freed the lock", held, err)
	}
	if err := Unlock(c, 7); err != nil {
		t.Error(err)
	}
	if held, err := Locked(b, 7); held || err != nil {
		t.Errorf("held %v, %v after Unlock", held, err)
	}
}

func TestSocketPair(t *testing.T) {
	ours, theirs, err := SocketPair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	fd, err := Descriptor(theirs)
	if err != nil {
		t.Fatal(err)
	}
	dup, err := unix.Dup(fd) // as a child gets it, without close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	child, err := InheritedSocket(uintptr(dup))
	if err != nil {
		t.Fatal(err)
	}
	go func() { child.Write([]byte("ping")); child.Close() }()
	if b, err := io.ReadAll(ours); string(b) != "ping" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
	f, _ := os.Open("/etc/passwd")
	n, _ := Descriptor(f)
	dup, _ = unix.Dup(n)
	f.Close()
	if _, err := InheritedSocket(uintptr(dup)); err == nil {
		t.Error("a file is a socket")
	}
}

func TestMemoryFile(t *testing.T) {
	f, err := MemoryFile("name", []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); string(b) != "data" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

func TestMachine(t *testing.T) {
	if n := CPUs(); n < 1 || n > 4096 {
		t.Errorf("%d processors", n)
	}
	if limit, _ := MemoryLimit(); limit < 0 {
		t.Errorf("memory limit %d", limit)
	}
	if m := AvailableMemory(); m < 1<<20 || m > 1<<50 {
		t.Errorf("%d bytes of memory available", m)
	}
}
