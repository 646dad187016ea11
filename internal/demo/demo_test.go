package demo

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/process"
)

func TestMain(m *testing.M) {
	process.Main()
	mptest.Main(m)
}

// started has what lasts as long as the process made before a test looks for what is left.
func started(t *testing.T) {
	t.Helper()
	p, err := developed.Start()
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := p.Join(t.Context()); err != nil || exit.Status != 1 {
		t.Fatal(exit, err)
	}
	mptest.Check(t)
}

func TestRun(t *testing.T) {
	started(t)
	side := 1024
	if s := os.Getenv("BIG"); s != "" {
		side = 0
	}
	path := filepath.Join(t.TempDir(), "x.png")
	if s := os.Getenv("BIG"); s != "" {
		path = s
	}
	b := time.Now()
	r, err := Run(context.Background(), Config{Side: side, PNG: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%v %+v", time.Since(b), r)
	_ = png.Decode
}
