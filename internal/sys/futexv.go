//go:build linux

package sys

import (
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A FutexWord is a word to sleep on, and the value that it has as long as there is reason to sleep.
type FutexWord struct {
	Addr *atomic.Uint32
	Val  uint32
}

// MaxFutexWords is how many words one call of FutexWaitAny takes.
const MaxFutexWords = 128

// futexWaiter is struct futex_waitv.
type futexWaiter struct {
	val   uint64
	addr  uint64
	flags uint32
	_     uint32
}

const futexSize32 = 2

// CanWaitAny tells whether the kernel has futex_waitv (Linux 5.16).
var CanWaitAny = Known(unix.SYS_FUTEX_WAITV) == nil

// FutexWaitAny is FutexWait for several words: it sleeps until one of them is woken or changed. Only where CanWaitAny. It
// costs 0.1 µs more for each word. A word whose wake came just after another's may count it as received: ring again for it.
func FutexWaitAny(words []FutexWord, d time.Duration) {
	var room [8]futexWaiter
	all := room[:0]
	for _, w := range words {
		all = append(all, futexWaiter{val: uint64(w.Val), addr: uint64(uintptr(unsafe.Pointer(w.Addr))), flags: futexSize32})
	}
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // never fails
	until := unix.NsecToTimespec(now.Nano() + int64(max(d, 0)))
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX_WAITV, uintptr(unsafe.Pointer(unsafe.SliceData(all))), uintptr(len(all)), 0, uintptr(unsafe.Pointer(&until)), unix.CLOCK_MONOTONIC, 0)
	runtime.KeepAlive(words)
}
