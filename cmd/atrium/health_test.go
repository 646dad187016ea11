package main

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/manager"
)

// A server that ends is alive, and not ready.
func TestReadiness(t *testing.T) {
	mptest.Check(t)
	s, err := manager.Listen("unix:"+filepath.Join(t.TempDir(), "m"), manager.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := listenHealth("127.0.0.1:0", s, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	want := func(path, what string) {
		t.Helper()
		r, err := client.Get("http://" + h.addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if b, err := io.ReadAll(r.Body); err != nil || r.Status+" "+strings.TrimSpace(string(b)) != what {
			t.Errorf("%s: %s %s %v", path, r.Status, b, err)
		}
	}
	want("/readyz", "200 OK ok")
	h.drain()
	want("/readyz", "503 Service Unavailable draining")
	want("/livez", "200 OK ok")
	if _, err := listenHealth(h.addr(), s, slog.Default()); err == nil || !strings.Contains(err.Error(), "--health") {
		t.Errorf("a port that is taken: %v", err)
	}
}

// Sizes as people write them.
func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{"0": 0, "1000": 1000, "64KiB": 64 << 10, "1.5k": 1536, "512M": 512 << 20, "2GiB": 2 << 30, "2 GiB": -1, "1TB": 1 << 40,
		"": -1, "K": -1, "-1": -1, "lots": -1, "9E": -1, "1e30": -1, "NaN": -1, "inf": -1, "7B": 7} {
		got := byteSize(-1)
		if err := got.Set(text); got != want || (err == nil) != (want >= 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	if b := byteSize(2 << 30); b.String() != "2GiB" {
		t.Error(b.String())
	}
}

// Many clients that are turned away make a log that is short, and tells how many they were.
func TestLogIsBounded(t *testing.T) {
	l := newLog(io.Discard, false)
	now := time.Now()
	said := 0
	for range 200 {
		if skipped, say := l.admit(now); say {
			said++
		} else if skipped > 0 {
			t.Error("told too early")
		}
	}
	if said != mostAway {
		t.Errorf("%d lines in a moment", said)
	}
	if skipped, say := l.admit(now.Add(time.Second)); skipped != 200-mostAway || !say {
		t.Errorf("then %d, %v", skipped, say)
	}
}
