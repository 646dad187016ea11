package connection

import (
	"runtime"
	"syscall"
	"testing"
)

// asUser runs f on a thread whose effective uid is another, which ends with it.
func asUser(t *testing.T, uid int, f func()) {
	runtime.LockOSThread() // and never unlocked: the thread is not used again
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
		t.Error(errno)
		return
	}
	f()
}
