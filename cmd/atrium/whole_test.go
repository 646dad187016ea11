package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/layout"
	"example.com/atrium/internal/sys"
)

// A process table that is cut short while it is read is an error, and a fault of our own a panic.
func TestWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	f, err := os.Create(path)
	if err == nil {
		err = f.Truncate(layout.ControlSize)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := sys.Map(f, layout.ControlSize, false)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.Unmap(b)
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	sum := 0
	err = whole(func() error { sum += int(b[layout.ControlSize/2]); return nil })
	if err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("%v, %d", err, sum)
	}
	defer func() {
		if recover() == nil {
			t.Error("a panic was lost")
		}
	}()
	_ = whole(func() error { panic("ours") })
}
