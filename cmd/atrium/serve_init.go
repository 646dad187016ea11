package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

// beInit is what PID 1 of a container does: it has the server be a child, hands it the signals, and takes whatever process
// is left without a parent, so that no dead ones pile up. It ends as the server does.
//
// The server is not PID 1 itself, as a process must not take the ends of children that other parts of it wait for, and as PID 1
// is not ended by a signal that nobody handles, such as the second Ctrl-C.
func beInit(ctx context.Context) error {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	child, err := syscall.ForkExec("/proc/self/exe", os.Args, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setpgid: true}}) // Ctrl-C goes to the terminal's group, and from here to the server, once
	if err != nil {
		return fmt.Errorf("the server cannot be started: %w", err)
	}
	if ctx.Err() != nil { // a signal before we listened for any
		_ = syscall.Kill(child, syscall.SIGTERM)
	}
	for sig := range signals {
		if sig != syscall.SIGCHLD {
			_ = syscall.Kill(child, sig.(syscall.Signal)) // until it is waited for it is there, if only as a zombie
			continue
		}
		for {
			var status syscall.WaitStatus
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
			if pid == child {
				return endAs(status)
			}
		}
	}
	return nil
}

// endAs ends this process as a child ended.
func endAs(status syscall.WaitStatus) error {
	if status.Signaled() {
		os.Exit(128 + int(status.Signal()))
	}
	os.Exit(status.ExitStatus())
	return nil
}

// tellSystemd tells the service manager, where there is one that listens, how the service is: sd_notify(3).
func tellSystemd(state string, log *serverLog) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	c, err := net.Dial("unixgram", socket) // "@name" is abstract, for both
	if err == nil {
		defer c.Close()
		_, err = c.Write([]byte(state))
	}
	if err != nil {
		log.Warn("systemd was not told", "state", state, "error", err.Error())
	}
}
