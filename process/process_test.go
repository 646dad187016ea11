package process_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/process"
)

func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_NO_MAIN") != "" { // a program that forgot atrium.Main
		fmt.Println(process.Ready())
		os.Exit(0)
	}
	process.Main()
	mptest.Main(m)
}

var report = process.Func("report", func(ctx context.Context, args []string) error {
	switch args[0] {
	case "write":
		return os.WriteFile(args[1], []byte(strings.Join(args[2:], "|")), 0o600)
	case "fail":
		return fmt.Errorf("no luck today")
	case "wait":
		if err := os.WriteFile(args[1], []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			return err
		}
		<-ctx.Done() // SIGTERM
		return nil
	case "deaf":
		time.Sleep(time.Minute)
	}
	return nil
})

func join(t *testing.T, p *process.Process) process.Exit {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	exit, err := p.Join(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return exit
}

func TestFunctionInAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	args := []string{"write", path, "", "two words", "\x1f\n\"ü"}
	p, err := report.Start(args...)
	if err != nil {
		t.Fatal(err)
	}
	if exit := join(t, p); exit != (process.Exit{}) {
		t.Fatal(exit)
	}
	if b, _ := os.ReadFile(path); string(b) != strings.Join(args[2:], "|") {
		t.Errorf("%q", b)
	}
	if p, err = report.Start("fail"); err != nil {
		t.Fatal(err)
	}
	if exit := join(t, p); exit.Status != 1 || exit.String() != "exit status 1" {
		t.Error(exit)
	}
}

func TestEnds(t *testing.T) {
	p, err := report.Start("deaf")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Terminate(10 * time.Millisecond); err != nil {
		t.Error(err)
	}
	if exit := p.Exit(); exit.Signal != syscall.SIGKILL && exit.Signal != syscall.SIGTERM || !strings.Contains(exit.String(), "signal") {
		t.Error(exit)
	}
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Error("a signal to one that has ended:", err)
	}
	path := filepath.Join(t.TempDir(), "pid")
	if p, err = report.Start("wait", path); err != nil {
		t.Fatal(err)
	}
	for {
		if b, _ := os.ReadFile(path); len(b) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := p.Join(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	if err := p.Signal(os.Interrupt); err != nil { // the terminal's Ctrl-C is the parent's to handle
		t.Error(err)
	}
	if err := p.Terminate(10 * time.Second); err != nil || p.Exit() != (process.Exit{}) {
		t.Error(err, p.Exit())
	}
}

func TestMainForgotten(t *testing.T) {
	for _, role := range []string{"", "worker:"} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), "PROCESS_TEST_NO_MAIN=1")
		if role != "" {
			cmd.Env = append(cmd.Env, "ATRIUM_CHILD="+role)
		}
		out, err := cmd.CombinedOutput()
		if !strings.Contains(string(out), "atrium.Main()") || (err != nil) != (role != "") {
			t.Errorf("role %q: %v\n%s", role, err, out)
		}
	}
}

func TestUnknownRole(t *testing.T) {
	p, err := process.Start(process.Self("no-such-role", ""))
	if err != nil {
		t.Fatal(err)
	}
	if exit := join(t, p); exit.Status != 2 {
		t.Error(exit)
	}
}

var _ = mptest.Register("parent", func(args []string) {
	p, err := report.Start("deaf")
	mptest.Must(err)
	mptest.Say(p.Pid())
	mptest.Hear()
})

func TestChildrenDieWithTheirParent(t *testing.T) {
	parent := mptest.Start(t, "parent")
	child := parent.Line()
	if _, err := os.Stat("/proc/" + child); err != nil {
		t.Fatal(err)
	}
	parent.Kill()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile("/proc/" + child + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return
		}
	}
	t.Error("the child outlives its parent")
}

func TestInterpreter(t *testing.T) {
	dir := t.TempDir()
	fake := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	chosen, byVar, byVenv, inPath := fake("chosen"), fake("byvar"), fake("venv/bin/python3"), fake("path/python3")
	t.Setenv("PATH", filepath.Dir(inPath))
	t.Setenv("VIRTUAL_ENV", filepath.Join(dir, "venv"))
	t.Setenv("ATRIUM_PYTHON", byVar)
	expect := func(config, want string) {
		t.Helper()
		if got, err := process.Interpreter(config); got != want || err != nil {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	expect(chosen, chosen)
	expect("", byVar)
	os.Unsetenv("ATRIUM_PYTHON")
	expect("", byVenv)
	os.Unsetenv("VIRTUAL_ENV")
	expect("", inPath)
	t.Setenv("PATH", dir)
	if _, err := process.Interpreter(""); err == nil || !strings.Contains(err.Error(), "ATRIUM_PYTHON") {
		t.Error(err)
	}
	t.Setenv("ATRIUM_PYTHON", filepath.Join(dir, "gone"))
	if _, err := process.Interpreter(""); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Error(err)
	}
}
