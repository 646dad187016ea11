package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"example.com/atrium/internal/sys"
	"example.com/atrium/shm"
)

func checkCPUs() finding {
	n := sys.CPUs()
	f := finding{Name: "processors", Status: "ok", Found: fmt.Sprintf("%d", n)}
	if all := processors(); all > n {
		f.Found = fmt.Sprintf("%d of the machine's %d, by affinity or the control group's quota; a pool has that many workers", n, all)
	}
	if n == 1 {
		f.Status, f.Advice = "warn", "With one, worker processes isolate but do not speed up."
	}
	return f
}

// processors is how many the machine has online.
func processors() int {
	b, err := os.ReadFile("/sys/devices/system/cpu/online") // "0-3,8"
	if err != nil {
		return runtime.NumCPU()
	}
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(string(b)), ",") {
		var lo, hi int
		if c, _ := fmt.Sscanf(part, "%d-%d", &lo, &hi); c == 2 {
			n += hi - lo
		}
		n++
	}
	return n
}

// feature is something of the kernel that atrium uses.
type feature struct {
	name  string
	since string // kernel version
	try   func(dir string) error
}

var features = []feature{
	{"OFD locks", "3.15", tryLock},
	{"O_TMPFILE", "3.11", tryTempFile},
	{"memfd", "3.17", func(string) error {
		f, err := sys.MemoryFile("atrium-doctor", nil)
		if err != nil {
			return err
		}
		return f.Close()
	}},
	{"pidfd", "5.3", tryCall(434, ^uintptr(0))},       // pidfd_open: EINVAL for pid -1
	{"futex_waitv", "5.16", tryCall(449, 0, 0, 0, 0)}, // EINVAL for no futex; only waiting for several objects needs it
}

// optional are features without which something is only slower.
var optional = map[string]bool{"futex_waitv": true}

func tryLock(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	ok, err := sys.TryLock(f, 0, true)
	if err == nil && !ok {
		err = errors.New("not granted")
	}
	return err
}

func tryTempFile(dir string) error {
	f, err := sys.OpenUnlinked(dir, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// tryCall tells whether the kernel has a system call, by calling it with arguments that it must refuse.
func tryCall(number uintptr, args ...uintptr) func(string) error {
	return func(string) error { return sys.Known(number, args...) }
}

func checkKernel() finding {
	f := finding{Name: "kernel", Status: "ok"}
	var u syscall.Utsname
	if err := syscall.Uname(&u); err == nil {
		f.Found = "Linux " + text(u.Release[:])
	}
	dir := nearest(shm.DefaultPath())
	var have, lack []string
	for _, feat := range features {
		err := feat.try(dir)
		switch {
		case err == nil:
			have = append(have, feat.name)
			continue
		case optional[feat.name]:
			f.Status = worse(f.Status, "warn")
		default:
			f.Status = "fail"
		}
		lack = append(lack, fmt.Sprintf("no %s (%v; Linux %s has it)", feat.name, err, feat.since))
	}
	f.Found += ": " + strings.Join(append(lack, have...), ", ")
	if len(lack) > 0 {
		f.Advice = "Run a newer kernel; in a container, its seccomp profile may be what refuses."
	}
	return f
}

func worse(a, b string) string {
	if a == "fail" || b == "ok" {
		return a
	}
	return b
}

// text is a NUL-terminated string of the kernel's, of int8 or uint8 by architecture.
func text[T int8 | uint8](b []T) string {
	var s strings.Builder
	for _, c := range b {
		if c == 0 {
			break
		}
		s.WriteByte(byte(c))
	}
	return s.String()
}
