//go:build linux

package sys

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func create(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAllocate(t *testing.T) {
	for _, dir := range []string{"/dev/shm", t.TempDir()} {
		for _, size := range []int64{0, 1, 10, 4096, 4097, allocateStep + 3} {
			f, err := os.CreateTemp(dir, "test-allocate")
			if err != nil {
				t.Fatal(err)
			}
			os.Remove(f.Name())
			if err := Allocate(f, size); err != nil {
				t.Errorf("%d bytes in %s: %v", size, dir, err)
			}
			st, err := f.Stat()
			if err != nil || st.Size() != size {
				t.Errorf("%d bytes in %s became %d, %v", size, dir, st.Size(), err)
			}
			var u unix.Stat_t
			if err := unix.Fstat(int(f.Fd()), &u); err != nil || u.Blocks*512 < size {
				t.Errorf("%d bytes in %s have %d of storage", size, dir, u.Blocks*512)
			}
			f.Close()
		}
	}
	f := create(t, "closed")
	f.Close()
	if err := Allocate(f, 10); !errors.Is(err, os.ErrClosed) {
		t.Errorf("allocating in a closed file: %v", err)
	}
	r, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := Allocate(r, 10); !errors.Is(err, unix.EBADF) {
		t.Errorf("allocating in a file open for reading: %v", err)
	}
}

func TestWriteZeroes(t *testing.T) {
	f := create(t, "f")
	f.WriteString("abc")
	if err := writeZeroes(f, 2, 3<<20+5); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil || len(b) != 3<<20+5 || string(b[:2]) != "ab" || len(bytes.Trim(b[2:], "\x00")) > 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	f.Close()
	if err := writeZeroes(f, 0, 1); err == nil {
		t.Error("wrote zeroes into a closed file")
	}
}

func TestFree(t *testing.T) {
	free, total, err := Free(t.TempDir())
	if err != nil || free <= 0 || total < free {
		t.Errorf("%d free of %d, %v", free, total, err)
	}
	if kind, err := FileSystem("/dev/shm"); kind != "tmpfs" || err != nil {
		t.Errorf("/dev/shm is %q, %v", kind, err)
	}
	if kind, err := FileSystem("/proc"); kind != "" || err != nil {
		t.Errorf("/proc is %q, %v", kind, err)
	}
	if _, err := FileSystem("/nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
	if _, _, err := Free("/nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: %v", err)
	}
}

func TestMap(t *testing.T) {
	f := create(t, "f")
	if err := Allocate(f, 10_000); err != nil {
		t.Fatal(err)
	}
	a, err := Map(f, 10_000, true)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Map(f, 5000, false)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // mappings outlive it
	a[4999] = 9
	if len(a) != 10_000 || len(b) != 5000 || cap(a) != 10_000 || b[4999] != 9 {
		t.Errorf("two mappings of %d and %d bytes are not of one file", len(a), len(b))
	}
	if Address(a) != uintptr(unsafe.Pointer(&a[0])) || Address(a)%uintptr(os.Getpagesize()) != 0 {
		t.Errorf("mapped at %#x", Address(a))
	}
	for _, m := range [][]byte{a, b, nil} {
		if err := Unmap(m); err != nil {
			t.Error(err)
		}
	}
	if m, err := Map(f, 0, true); m != nil || err != nil {
		t.Errorf("0 bytes are %v, %v", m, err)
	}
	if _, err := Map(f, -1, true); !errors.Is(err, unix.EFBIG) {
		t.Errorf("-1 bytes: %v", err)
	}
	if _, err := Map(f, 10, true); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
	r, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := Map(r, 10, true); !errors.Is(err, unix.EACCES) {
		t.Errorf("writing to a file open for reading: %v", err)
	}
}

func TestRenameNew(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	os.WriteFile(a, []byte("a"), 0o600)
	os.WriteFile(b, []byte("b"), 0o600)
	if err := RenameNew(a, b); !errors.Is(err, fs.ErrExist) {
		t.Errorf("renamed over another file: %v", err)
	}
	if got, _ := os.ReadFile(b); string(got) != "b" {
		t.Errorf("the other file is now %q", got)
	}
	os.Remove(b)
	os.Symlink("/nowhere", b)
	if err := RenameNew(a, b); !errors.Is(err, fs.ErrExist) {
		t.Errorf("renamed over a dangling link: %v", err)
	}
	os.Remove(b)
	if err := RenameNew(a, b); err != nil {
		t.Error(err)
	}
	if err := RenameNew(a, b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("renamed what is not there: %v", err)
	}
}

func TestUnlinked(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenUnlinked(dir, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it has the name %v", left)
	}
	f.WriteString("text")
	path := filepath.Join(dir, "name")
	if err := Link(f, path); err != nil {
		t.Fatal(err)
	}
	if err := Link(f, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("linked to a name that is taken: %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "text" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	n, err := Descriptor(f)
	if err != nil || n < 3 {
		t.Errorf("descriptor %d, %v", n, err)
	}
	id, size, err := StatFile(f)
	id2, size2, uid, err2 := Stat(path)
	if err != nil || err2 != nil || id != id2 || size != 4 || size2 != 4 || uid != uint32(os.Getuid()) {
		t.Errorf("%v, %d and %v, %d, %d: %v, %v", id, size, id2, size2, uid, err, err2)
	}
	if _, _, _, err := Stat(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	if _, err := OpenUnlinked(filepath.Join(dir, "none"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
	if _, err := OpenUnlinked("/proc", 0o600); err == nil {
		t.Error("in /proc")
	}
}

func TestRemoveDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	os.Mkdir(dir, 0o700)
	file := filepath.Join(dir, "f")
	os.WriteFile(file, nil, 0o600)
	if err := RemoveDir(file); !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("removed a file: %v", err)
	}
	if err := RemoveDir(dir); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("removed a full directory: %v", err)
	}
	os.Remove(file)
	if err := RemoveDir(dir); err != nil {
		t.Error(err)
	}
}

// TestAllocateInterrupted has signals come faster than the kernel can allocate a whole step. A kernel that lets only fatal
// signals interrupt it, as 6.18 does, passes without the retries.
func TestAllocateInterrupted(t *testing.T) {
	f, err := os.CreateTemp("/dev/shm", "test-allocate")
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(f.Name())
	defer f.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, thread := os.Getpid(), unix.Gettid()
	done := make(chan bool)
	var storm sync.WaitGroup
	storm.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				_ = unix.Tgkill(pid, thread, unix.SIGURG) // what the runtime sends itself
				time.Sleep(time.Millisecond)
			}
		}
	})
	const size = 192<<20 + 5
	if err := Allocate(f, size); err != nil {
		t.Error(err)
	}
	close(done)
	storm.Wait()
	if st, err := f.Stat(); err != nil || st.Size() != size {
		t.Errorf("allocated %d bytes, %v", st.Size(), err)
	}
}

func TestReadShort(t *testing.T) {
	var b [64]byte
	n, err := ReadShort("/proc/self/stat", b[:])
	if want := strconv.Itoa(os.Getpid()) + " ("; err != nil || !strings.HasPrefix(string(b[:n]), want) {
		t.Errorf("%q, %v", b[:n], err)
	}
	if _, err := ReadShort("/proc/0/stat", b[:]); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
