package main

import (
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestSameEverywhere(t *testing.T) {
	mptest.RunPython(t, "import ray, distributed")
	want, err := mptest.RunMain(t)
	if err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	for _, on := range []string{"dask", "ray"} {
		if on == "ray" && testing.Short() {
			continue
		}
		if got, err := mptest.RunMain(t, "-on", on); err != nil || string(got) != string(want) {
			t.Errorf("%s: %v: %s, not %s", on, err, got, want)
		}
	}
}
