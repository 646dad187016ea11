//go:build linux

package sys

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Alarm is a descriptor that can be read from when a time has passed since it was set, once.
type Alarm struct{ fd int }

// NewAlarm makes one that is not set. It is closed with the process.
func NewAlarm() (Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	return Alarm{fd}, os.NewSyscallError("timerfd_create", err)
}

// Set has it go off after d, whatever it was set to before.
func (a Alarm) Set(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	return os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(a.fd, 0, &spec, nil))
}

// WaitHeld waits until fd can be read from or the alarm goes off, without telling Go's scheduler: the goroutine keeps its thread and its processor (P),
// so that nobody has to be woken but that thread. Nothing else runs on that P meanwhile, so the alarm has to be set to little. It returns early, with
// both false, on a signal, such as that with which a garbage collection stops the goroutine.
func WaitHeld(fd uintptr, a Alarm) (ready, alarm bool) {
	fds := [2]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(a.fd), Events: unix.POLLIN}}
	n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(len(fds)), 0, 0, 0, 0)
	if errno != 0 || n == 0 {
		return false, false
	}
	return fds[0].Revents != 0, fds[1].Revents != 0
}
