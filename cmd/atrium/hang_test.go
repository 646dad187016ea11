package main_test

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"example.com/atrium/internal/mptest"
	"example.com/atrium/psync"
)

// Three processes wait for each other: inspect shows the circle, of each of the locks, and nothing of a fourth that only waits.
func TestDeadlock(t *testing.T) {
	p := newPlace(t)
	p.remove("x", "y", "z", "w")
	a, b, c := p.actor(), p.actor(), p.actor()
	do(a, "lock mutex x")
	do(b, "lock mutex y")
	do(c, "lock rwmutex z")
	do(a, "lock mutex w")
	p.expect(0, "No deadlock in SPACE: no processes wait for each other in a circle", "", "inspect", "--deadlock")
	a.Send("lock mutex y")
	b.Send("lock rwmutex z")
	c.Send("lock mutex x")
	d := p.actor()
	d.Send("lock mutex w")
	for _, name := range []string{"x", "y", "z", "w"} {
		p.waited(name, 1)
	}
	circle := func(first int, all ...*mptest.Proc) (s string) {
		names := []string{"y", "z", "x"} // what each of them waits for
		for i := range 3 {
			s += fmt.Sprintf("pid %d (…) ─ %s → ", all[(first+i)%3].Pid(), names[(first+i)%3])
		}
		return s + fmt.Sprintf("pid %d (…)", all[first].Pid())
	}
	p.expect(1, "deadlock  "+circle(0, a, b, c)+"\n\nIn a deadlock each process waits for the lock on its arrow, …", "", "inspect", "--deadlock")
	p.expect(0, "y: …\ndeadlock  "+circle(0, a, b, c)+"\n\nPID…\n\nIn a deadlock …", "", "inspect", "y")
	p.expect(0, fmt.Sprintf("w: mutex, held by pid %d (…)…; 1 waits\n…alive  -         1 goroutine, …", a.Pid()), "", "inspect", "w")
	if out, _, _ := p.atrium("inspect", "w"); strings.Contains(out, "deadlock") {
		t.Errorf("a lock outside of the circle is shown in it:\n%s", out)
	}
	p.expect(1, fmt.Sprintf("…\"deadlocks\"…\"waiter\"…\"pid\": %d…\"stopped\": []…", c.Pid()), "", "inspect", "--deadlock", "--json")
	a.Kill()
	if got := c.Line(); !strings.Contains(got, psync.ErrOwnerDead.Error()) {
		t.Errorf("who waited for the dead one got %s", got)
	}
	p.expect(0, "No deadlock in SPACE: …", "", "inspect", "--deadlock")
}

// Two circles that have nothing to do with each other are both shown.
func TestTwoDeadlocks(t *testing.T) {
	p := newPlace(t)
	p.remove("m0", "m1", "m2", "m3")
	var all []*mptest.Proc
	for i := range 4 {
		all = append(all, p.actor())
		do(all[i], "lock mutex m%d", i)
	}
	for i, a := range all {
		a.Send(fmt.Sprint("lock mutex m", i^1))
		p.waited(fmt.Sprint("m", i^1), 1)
	}
	p.expect(1, fmt.Sprintf("deadlock  …pid %d…\ndeadlock  …pid %d…\n\nIn a deadlock …", all[0].Pid(), all[2].Pid()), "", "inspect", "--deadlock")
	out, _, _ := p.atrium("inspect", "m2", "--over", "0")
	if strings.Count(out, "\ndeadlock") != 1 || !strings.Contains(out, fmt.Sprintf("deadlock  pid %d", all[3].Pid())) {
		t.Errorf("a lock of the second circle is shown in\n%s", out)
	}
}

// A lock of one of two circles that share an arrow is shown in its own.
func TestSharedArrow(t *testing.T) {
	p := newPlace(t)
	p.remove("x", "y", "z")
	a, b, c := p.actor(), p.actor(), p.actor()
	do(a, "lock mutex x")
	do(b, "lock mutex y")
	do(c, "lock mutex z")
	a.Send("also lock mutex y")
	b.Send("also lock mutex x")
	b.Send("also lock mutex z")
	c.Send("also lock mutex x")
	p.waited("x", 2)
	for _, name := range []string{"y", "z"} {
		p.waited(name, 1)
	}
	p.expect(0, fmt.Sprintf("z: …\ndeadlock  pid %d (…) ─ z → pid %d (…) ─ x → pid %d (…) ─ y → pid %[1]d (…)\n\n…", b.Pid(), c.Pid(), a.Pid()), "", "inspect", "z")
}

// A process that is stopped, and has what others wait for, is named as such.
func TestStoppedHolder(t *testing.T) {
	p := newPlace(t)
	p.remove("m", "jobs")
	a, b := p.actor(), p.actor()
	do(a, "lock mutex m")
	b.Send("lock mutex m")
	p.until("…; 1 waits\n…", "inspect", "m")
	stop(t, a)
	p.expect(0, fmt.Sprintf("…\nm     mutex  16 KiB  …  held by pid %d (…), stopped; 1 waits\n…stopped…", a.Pid()), "", "ls")
	p.expect(0, fmt.Sprintf("m: mutex, …\npid %[1]d is stopped and has the lock: 1 waits. Let it go on: kill -CONT %[1]d", a.Pid()), "", "inspect", "m")
	p.expect(0, fmt.Sprintf("stopped   m: pid %[1]d (…) has the lock: 1 waits. Let it go on: kill -CONT %[1]d\nNo deadlock …", a.Pid()), "", "inspect", "--deadlock")
	mptest.Must(syscall.Kill(a.Pid(), syscall.SIGCONT))
	p.until(fmt.Sprintf("m: mutex, held by pid %d (…); 1 waits\n…", a.Pid()), "inspect", "m")
	do(a, "claim queue jobs")
	stop(t, a)
	p.expect(0, fmt.Sprintf("jobs: queue, …; gets wait for pid %[1]d (…), stopped\n…\npid %[1]d is stopped and has claimed the place of the next value: all who get wait. Let it go on: kill -CONT %[1]d", a.Pid()), "", "inspect", "jobs", "--over", "0")
}

// commandOf is the command, to be started.
func commandOf(p *place, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Env = p.dir, append(cmd.Environ(), "ATRIUM_SPACE="+p.space.Path())
	return cmd
}
