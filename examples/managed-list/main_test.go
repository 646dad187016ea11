package main

import (
	"testing"

	"example.com/atrium/internal/mptest"
)

func TestMain(m *testing.M) { mptest.MainOf(m, main) }

func TestEachItemIsTakenOnce(t *testing.T) {
	mptest.Python(t)
	out, err := mptest.RunMain(t)
	if err != nil {
		t.Errorf("%v", err)
	}
	if want := `python producer: 200 items, each taken once, by ["go consumer 0" "go consumer 1"]
go producer: 200 items, each taken once, by ["python consumer 0" "python consumer 1"]
python producer: 200 items, each taken once, by ["python consumer 0" "python consumer 1"]
go producer: 200 items, each taken once, by ["go consumer 0" "go consumer 1"]
`; string(out) != want {
		t.Errorf("%s is not what it should have printed:\n%s", out, want)
	}
}
