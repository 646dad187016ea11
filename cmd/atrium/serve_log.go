package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"example.com/atrium/connection"
	"example.com/atrium/manager"
	"example.com/atrium/shm"
)

// serverLog is the log of serve. What clients can make it say is bounded.
type serverLog struct {
	*slog.Logger

	mu      sync.Mutex
	window  time.Time // when the current second began
	said    int       // of clients that were turned away, in it
	skipped int
}

// mostAway is how many clients that were turned away are told of in a second.
const mostAway = 10

func newLog(w io.Writer, asJSON bool) *serverLog {
	if asJSON {
		return &serverLog{Logger: slog.New(slog.NewJSONHandler(w, nil))}
	}
	return &serverLog{Logger: slog.New(slog.NewTextHandler(w, nil))}
}

// client tells what was wrong with a client.
func (l *serverLog) client(from string, err error) {
	skipped, say := l.admit(time.Now())
	if skipped > 0 {
		l.Warn("more clients were turned away, or had callbacks that failed", "number", skipped)
	}
	if !say {
		return
	}
	var e *connection.Error
	switch {
	case errors.As(err, &e):
		l.Warn("client turned away", "client", from, "why", e.Err.Error())
	case errors.Is(err, manager.ErrMaxClients):
		l.Warn("client turned away", "client", from, "why", err.Error())
	case errors.Is(err, manager.ErrCallback):
		l.Warn("callback failed", "client", from, "why", err.Error())
	default:
		l.Error("a mistake in the manager, please report it", "client", from, "error", err.Error())
	}
}

// admit tells whether one more is to be told of, and how many were not before.
func (l *serverLog) admit(now time.Time) (skipped int, say bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.window) >= time.Second {
		skipped, l.skipped = l.skipped, 0
		l.window, l.said = now, 0
	}
	if l.said == mostAway {
		l.skipped++
		return skipped, false
	}
	l.said++
	return skipped, true
}

// ended tells how it went, and gives err.
func (l *serverLog) ended(s *manager.Server, err error) error {
	st := s.Status(0)
	l.Info("ended", "after", time.Since(st.Started).Round(time.Millisecond), "calls", st.Counts.Calls(), "connections", st.Counts.Connections,
		"received", shm.Bytes(int64(st.Counts.Received)), "sent", shm.Bytes(int64(st.Counts.Sent)))
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
