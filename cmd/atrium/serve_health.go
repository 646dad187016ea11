package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"example.com/atrium/manager"
)

// health answers whether the server is well, over HTTP. It tells numbers only, and asks nobody who they are.
type health struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{}
	draining atomic.Bool
}

func checkHealth(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--health: %w; write HOST:PORT, such as 127.0.0.1:9100", err)
	}
	if host == "" {
		return fmt.Errorf("--health: %q names no host: say 127.0.0.1 for this machine only, or 0.0.0.0 for all that can reach it", address)
	}
	return nil
}

// listenHealth begins to answer at an address, if there is one.
func listenHealth(address string, s *manager.Server, log *slog.Logger) (*health, error) {
	h := &health{}
	if address == "" {
		return h, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--health: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if h.draining.Load() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(metrics(s.Status(0), readSelf())) // who asks may be gone
	})
	const patience = 5 * time.Second
	h.listener, h.done = l, make(chan struct{})
	h.server = &http.Server{Handler: mux, ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	go func() {
		defer close(h.done)
		if err := h.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("no more answers about health", "error", err.Error()) // which is no reason to end what is served
		}
	}()
	return h, nil
}

func (h *health) addr() string {
	if h.listener == nil {
		return ""
	}
	return h.listener.Addr().String()
}

// drain has readiness end.
func (h *health) drain() { h.draining.Store(true) }

func (h *health) close() {
	if h.server != nil {
		_ = h.server.Close() // nothing is lost
		<-h.done
	}
}
