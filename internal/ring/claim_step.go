package ring

// A step is a place between two atomic steps of an operation, at which tests have the process die or stop.
type step uint8

const (
	stepSweep     step = iota // attached, nothing swept
	stepSwept                 // dead claims undone, nobody told
	stepWon                   // slot is WRITING, tail behind
	stepMore                  // one more slot of a run is claimed, tail or head behind
	stepToldTail              // tail moved on
	stepPublish               // value written, slot still WRITING
	stepPublished             // slot is FULL, nobody woken
	stepPassSpace             // consumer woken, other producers not
	stepPut                   // all done, not returned
	stepResigned              // own claim given up, nobody told
	stepTaken                 // slot is READING, head behind
	stepToldHead              // head moved on, other consumers not woken
	stepBorrowed              // all done, not returned
	stepAdopted               // orphan is READING
	stepRelease               // value used, slot still READING
	stepReleased              // slot is EMPTY, nobody woken
	stepGot                   // all done, not returned
	stepRepair                // owner found dead, nothing done
	stepSkipped               // dead producer's slot is EMPTY, nobody told
	stepOrphaned              // dead consumer's slot is ORPHAN, nobody told
	stepAttn                  // attn bumped, nobody woken
	stepAlarmed               // consumers alarmed, producers not
	stepCalled                // attn bumped for an orphan that blocks a producer, nobody woken
	stepLooked                // word read that says full or empty, position not read again
	stepArmed                 // bell armed, not looked again
	stepPark                  // looked again, not asleep
	steps
)

// at costs a load and a branch that is never taken.
func (r *MPMC) at(s step) {
	if r.hook != nil {
		r.hook(s)
	}
}
