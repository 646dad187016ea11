package main

import "fmt"

// advice is what is wrong with an object, and what to do about it.
func (i *inspection) advice() (all []string) {
	say := func(format string, a ...any) { all = append(all, fmt.Sprintf(format, a...)) }
	if len(i.Deadlocks) > 0 {
		say("%s", deadlockHelp)
	}
	i.stops(func(who *owner, text string) {
		say("pid %d is stopped and %s. Let it go on: kill -CONT %d", who.Pid, text, who.Pid)
	})
	switch {
	case i.Lock != nil:
		i.Lock.advice(i.Kind, say)
	case i.Queue != nil && i.Queue.Bereft && i.Queue.producers() > 0:
		say("A process that put into it died. When no other is left that puts, Get says so (ErrNoProducers).")
	case i.Queue != nil && i.Queue.Bereft:
		say("A process that put into it died, and no other is left that puts: when it is empty, Get says so (ErrNoProducers).")
	case i.Pipe != nil && i.Pipe.Over:
		say("Both ends are done with, and nobody can have one again. Make room for another pipe: atrium gc --apply")
	case i.Kind == "file" && i.ValueOf == "":
		say("It begins like no array, lock, queue or pipe: it is something else, or damaged.")
	}
	return all
}

func (v *lockView) advice(kind string, say func(format string, a ...any)) {
	for _, h := range v.Holders {
		switch {
		case !h.dead():
		case v.exclusive(h):
			say("%s died with the lock. The next who locks it gets ErrOwnerDead, and mends what it guards.", h.short())
		case kind == "barrier":
			say("%s died with a seat: who waits learns that the barrier is broken.", h.short())
		default:
			say("%s died with what it has. Who waits gets it within 100 ms; when nobody does: atrium gc --apply", h.short())
		}
	}
	switch {
	case v.Broken && kind == "barrier":
		say("A party died, gave up or reset it: all who wait get ErrBroken, until Reset.")
	case v.Broken:
		say("An owner died, and who had the lock next unlocked it without MarkConsistent: nobody gets it any more. Remove it, and make it anew with what it guards.")
	case v.Inconsistent && (len(v.Holders) == 0 || !v.Holders[0].dead()):
		say("An owner died, and what the lock guards has not been mended: who locks it gets ErrOwnerDead until somebody calls MarkConsistent.")
	}
}

// dead tells whether the process is certainly gone.
func (o *owner) dead() bool { return o.state() == "dead" }
