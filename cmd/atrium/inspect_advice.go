package main

import (
	"fmt"
	"time"
)

// advice is what is wrong with an object, and what to do about it.
func (i *inspection) advice(now time.Time) (all []string) {
	say := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if len(i.Deadlocks) > 0 {
		say("%s", deadlockHelp)
	}
	stopped := func(o *owner, does string) {
		if o != nil && o.Stopped {
			say("pid %d is stopped and %s. Let it go on: kill -CONT %d", o.Pid, does, o.Pid)
		}
	}
	switch {
	case i.Lock != nil:
		i.lockAdvice(say, stopped, now)
	case i.Queue != nil:
		stopped(i.Queue.GetsWaitFor, "has claimed the place of the next value: who gets waits for it")
		stopped(i.Queue.PutsWaitFor, "has the place that the next value is to take: who puts waits for it")
		if i.Queue.Bereft {
			say("A process that put into it died. When no other is left that puts, Get says so (ErrNoProducers).")
		}
	case i.Pipe != nil && i.Pipe.Over:
		say("Both ends are done with, and nobody can have one again. Make room for another pipe: atrium gc --apply")
	}
	return all
}

func (i *inspection) lockAdvice(say func(string, ...any), stopped func(*owner, string), now time.Time) {
	l := i.Lock
	if l.stuck(now) {
		stopped(l.Changing.owner, "in the middle of a change: all who use it wait for it")
	}
	waits := l.count(l.Waiters) > 0
	for _, h := range l.Holders {
		switch {
		case h.Stopped && waits:
			stopped(h.owner, "keeps what it has: the others wait for it")
		case h.dead() && (i.Kind == "mutex" || h.Write):
			say("pid %d died with the lock. The next who locks it gets ErrOwnerDead, and mends what it guards.", h.Pid)
		case h.dead() && i.Kind == "barrier":
			say("pid %d died with a seat: who waits learns that the barrier is broken.", h.Pid)
		case h.dead():
			say("pid %d died with what it has. Who waits gets it within 100 ms; when nobody does: atrium gc --apply", h.Pid)
		}
	}
	switch {
	case l.Broken && i.Kind == "barrier":
		say("A party died, gave up or reset it: all who wait get ErrBroken, until Reset.")
	case l.Broken:
		say("An owner died, and who had the lock next unlocked it without MarkConsistent: nobody gets it any more. Remove it, and make it anew with what it guards.")
	case l.Inconsistent && (len(l.Holders) == 0 || !l.Holders[0].dead()):
		say("An owner died, and what the lock guards has not been mended: who locks it gets ErrOwnerDead until somebody calls MarkConsistent.")
	}
}

// dead tells whether the process is certainly gone.
func (o *owner) dead() bool { return o.state() == "dead" }
