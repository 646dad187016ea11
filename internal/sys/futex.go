//go:build linux

package sys

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations of futex(2). Without FUTEX_PRIVATE_FLAG, as the words are shared between processes.
const (
	futexWait = 0
	futexWake = 1
)

// FutexWait sleeps while *addr is val, until FutexWake on that word, for no longer than d: false when the time was up. It may
// return early. It blocks a thread, in a call that the Go scheduler knows of.
func FutexWait(addr *atomic.Uint32, val uint32, d time.Duration) bool {
	ts := unix.NsecToTimespec(int64(max(d, 0)))
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWait, uintptr(val), uintptr(unsafe.Pointer(&ts)), 0, 0)
	return errno != unix.ETIMEDOUT
}

// FutexWake wakes up to n sleepers of addr and tells how many there were. 0.3 µs when there is none, 2 to 5 µs otherwise.
func FutexWake(addr *atomic.Uint32, n int) int {
	woken, _, errno := unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWake, uintptr(min(n, math.MaxInt32)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(woken)
}

// Yield lets another runnable thread have this processor.
func Yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
