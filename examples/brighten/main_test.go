package main

import (
	"path/filepath"
	"strings"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/ndarray"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestBrightens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "picture.npy")
	a, err := ndarray.Create[float32](path, 200, 30)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	data, _ := a.Data()
	for i := range data {
		data[i] = 0.5
	}
	data[7] = 0.9
	out, err := mptest.RunMain(t, path)
	if err != nil || !strings.Contains(string(out), "mean brightness now 0.600") {
		t.Fatalf("%v: %s", err, out)
	}
	if data[0] != min(1.2*float32(0.5), 1) || data[7] != 1 {
		t.Error(data[0], data[7])
	}
}
