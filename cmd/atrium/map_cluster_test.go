package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"example.com/atrium/internal/mptest"
)

// TestMapOnClusters has one output on this machine, on Dask and on Ray, to the last byte.
func TestMapOnClusters(t *testing.T) {
	mptest.RunPython(t, "import ray, distributed")
	p := newPlace(t)
	p.npy("in.npy", "np.arange(64 * 24, dtype='u1').reshape(64, 24)")
	p.file("filters.py", `
def thirds(a): return a / 3
`)
	for _, fn := range []string{"go:normalise", "filters.py:thirds"} {
		var want []byte
		for _, on := range []string{"local", "dask", "ray"} {
			if on == "ray" && testing.Short() {
				continue
			}
			p.expect(0, "out.npy: …\n"+fn+" over 64 …", "", "map", fn, "in.npy", "-o", "out.npy", "--force", "--workers", "2", "--rows", "8", "--on", on)
			got, err := os.ReadFile(filepath.Join(p.dir, "out.npy"))
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
			} else if string(got) != string(want) {
				t.Errorf("%s gives something else on %s", fn, on)
			}
		}
	}
	p.expect(1, "", "atrium: dask at tcp://127.0.0.1:9: …", "map", "go:sobel", "in.npy", "-o", "new.npy", "--on", "dask", "--address", "tcp://127.0.0.1:9")
}
