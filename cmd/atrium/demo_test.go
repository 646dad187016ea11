package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"example.com/atrium/internal/demo"
	"example.com/atrium/internal/mptest"
)

// The demo itself is tested in internal/demo with a small picture; here what the command adds.
func TestDemoOutput(t *testing.T) {
	cmd := newDemoCommand()
	if cmd.Flag("png").DefValue != "atrium-demo.png" || cmd.Flag("json") == nil {
		t.Error(cmd.UsageString())
	}
	var out bytes.Buffer
	cmd.SetOut(&out)
	if colourful(cmd) {
		t.Error("colours for what is no terminal")
	}
}

// What the demo tells people to try has to work as it stands.
func TestDemoNextCommands(t *testing.T) {
	t.Setenv("ATRIUM_SPACE", mptest.Space(t).Path())
	t.Chdir(t.TempDir())
	r, err := demo.Run(t.Context(), demo.Config{Side: 512, Workers: 2, PNG: "atrium-demo.png", Program: "atrium"})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(r.Next, "atrium array rm edges") {
		args := strings.Fields(line)[1:]
		var out, stderr bytes.Buffer
		if status := run(context.Background(), args, &out, &stderr); status != exitOK && args[0] != "doctor" {
			t.Errorf("%s: exit status %d\n%s%s", line, status, out.String(), stderr.String())
		}
	}
	if _, err := os.Stat("edges.png"); err != nil {
		t.Error(err)
	}
}

func TestDemoFails(t *testing.T) {
	var out, stderr bytes.Buffer
	status := run(context.Background(), []string{"demo", "--json", "--png", t.TempDir() + "/no/x.png"}, &out, &stderr)
	var r demo.Report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.OK {
		t.Errorf("%v: %s", err, out.String())
	}
	if status != exitFailed || !strings.Contains(stderr.String(), "--png") {
		t.Errorf("exit status %d: %s", status, stderr.String())
	}
}
