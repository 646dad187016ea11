package main

import (
	"strings"
	"testing"
)

func TestJSONLines(t *testing.T) {
	var out strings.Builder
	report := newJSONLines(&out)
	for _, l := range []line{
		{Work: "queue-small", Unit: "msgs/s", Ours: 1.1e7, Peer: "multiprocessing.Queue", Theirs: 8.4e4, Ratio: 131, Low: 118, High: 140, Rounds: 11},
		{Work: "queue-small", Unit: "msgs/s", Peer: "a & b", Error: "not installed"},
	} {
		if err := report(l); err != nil {
			t.Fatal(err)
		}
	}
	want := `{"work":"queue-small","unit":"msgs/s","ours":11000000,"peer":"multiprocessing.Queue","theirs":84000,"ratio":131,"low":118,"high":140,"rounds":11}
{"work":"queue-small","unit":"msgs/s","peer":"a & b","error":"not installed"}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestTable(t *testing.T) {
	var out strings.Builder
	report := newTable(&out)
	for _, l := range []line{
		{Work: "w", Unit: "us", Ours: 12.5, Peer: "p", Theirs: 325000, Ratio: 26000, Low: 25000, High: 27000, Rounds: 11},
		{Work: "w", Unit: "us", Peer: "q", Theirs: 7, Error: "gone"},
	} {
		if err := report(l); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"95 % interval", "12.5 us", "325000 us", "26000", "25000 to 27000", "7 us", "not compared: gone"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want a head and two", n)
	}
}
