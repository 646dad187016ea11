package ring

import "fmt"

// The ring and its bells as a state machine, one atomic step of the code at a time, for TestModel to go through all
// interleavings of. Epochs and counters that are only compared are left out: each process has a bit that says whether the
// value it read is still the one that is there.

const (
	mSlots, mProcs, mMsgs = 2, 4, 4
	mEmpty                = iota - 1
	mWriting
	mFull
	mReading
	mOrphan
)

type mWord struct{ turn, owner, state uint8 }

type mProc struct {
	pc, ret, aret uint8 // where it is, goes on after ring and arm, and after an alarm
	consumer      bool
	idx, gen      uint8 // its process slot and epoch
	pos           uint8
	w             mWord
	bell          uint8 // the one it is at,
	v             uint8 // its state as read,
	same          bool  // and whether it is still that
	short         bool  // only the consumers' bell is alarmed
	asleep        bool
	scanning      bool
	scan          uint8
	scanSame      bool // the scan is for the attn of now
	seenSame      bool // the last complete one was
	again         bool
	a, b          uint8 // the two halves of a value
	msg, left     uint8
	k, i, msg2    uint8 // of a run: how many it has claimed, which it is at, the second value
}

type mState struct {
	word       [mSlots]mWord
	data       [mSlots][2]uint8
	tail, head uint8
	bell       [2]uint8 // consumers', producers': idle, armed or rung
	held       [mProcs]bool
	gen        [mProcs]uint8
	p          [mProcs]mProc
	put        [mMsgs]uint8
	plain, agn [mMsgs]uint8 // deliveries without and with the mark
	msgs       uint8
	crashes    uint8
	resigns    uint8
	bounds     uint8 // waits that their bound ended
}

const ( // of put
	mUnder = iota + 1
	mReturned
	mDoubt
	mNotIn
)

const ( // program counters
	mDead = iota
	mDone
	mJoin
	mSweep
	mSweepFix
	mSwept
	mFix
	mAttn
	mAlarm0
	mWake0
	mAlarm1
	mWake1
	mRing
	mRingCAS
	mRingWake
	mRingIdle
	mArm
	mArmCAS
	mSleep

	mPut // producers
	mPutWord
	mPutHelp
	mPutCAS
	mPutWarn
	mPutMore
	mPutTail
	mPutMove
	mPutA
	mPutB
	mCommit
	mResign
	mPassSpace
	mPassTail
	mPassEmpty
	mPutDone
	mPutStale
	mPutBlocked
	mCall
	mPutArm
	mPutLook
	mPutLookWord

	mGet // consumers
	mScanStart
	mScan
	mScanDead
	mAdopt
	mAdopted
	mGetHead
	mGetWord
	mGetHelp
	mGetCAS
	mGetWarn
	mGetMore
	mGetTold
	mGetMove
	mPassItems
	mPassFull
	mGetA
	mGetB
	mRelease
	mDeliver
	mGetStale
	mGetBlocked
	mGetLook
	mGetLookHead
	mGetLookWord
	mVacated
)

// mRun is a model with its bounds, and perhaps a rule broken on purpose.
type mRun struct {
	slots, producers, consumers, each int // each: messages of a producer
	crashes, resigns                  int
	noRestart                         bool // the dead stay dead; bounds end waits
	get                               bool // releases before it delivers
	run                               bool // claims two in a run where it can
	broken                            string
}

func (m *mRun) String() string {
	return fmt.Sprintf("%d slots %d+%d of %d crashes %d resigns %d restart %v get %v run %v %s", m.slots, m.producers, m.consumers, m.each, m.crashes, m.resigns, !m.noRestart, m.get, m.run, m.broken)
}

type violation string

// to goes on at pc with nothing in mind but what outlives an attempt.
func (p *mProc) to(pc uint8) {
	p.pc, p.ret, p.aret, p.pos, p.w, p.bell, p.v, p.same, p.short = pc, 0, 0, 0, mWord{}, 0, 0, false, false
}

func (p *mProc) owner() uint8 { return p.gen<<2 | p.idx + 1 }

func (s *mState) dead(me *mProc, o uint8) bool {
	if o == 0 || o == me.owner() {
		return false
	}
	idx := (o - 1) & 3
	return s.gen[idx] != (o-1)>>2 || !s.held[idx]
}

// changed says that a bell has a new value, which its changer knows.
func (s *mState) changed(b, state uint8) {
	s.bell[b] = state
	for i := range s.p {
		if s.p[i].bell == b {
			s.p[i].same = false
		}
	}
}

func (s *mState) bumpAttn() {
	for i := range s.p {
		s.p[i].scanSame, s.p[i].seenSame = false, false
	}
}

func (s *mState) wake(b uint8, which int) (n int) {
	for i := range s.p {
		if s.p[i].asleep && s.p[i].bell == b {
			if which < 0 || n == which {
				s.p[i].asleep = false
			}
			n++
		}
	}
	return n
}

func (p *mProc) ring(b, ret uint8)    { p.pc, p.bell, p.ret = mRing, b, ret }
func (p *mProc) fix(ret uint8)        { p.pc, p.aret = mFix, ret }
func (p *mProc) alarm(ret uint8)      { p.pc, p.aret = mAttn, ret }
func (p *mProc) arm(b, ret uint8)     { p.pc, p.bell, p.ret = mArm, b, ret }
func (w mWord) owned() bool           { return w.state == mWriting || w.state == mReading }
func (w mWord) ahead(turn uint8) int8 { return int8(w.turn - turn) }

// start begins work after the sweep.
func (s *mState) start(p *mProc) {
	p.to(mGet)
	if !p.consumer {
		s.next(p)
	}
}

func (s *mState) next(p *mProc) {
	p.a, p.b, p.msg, p.k, p.i, p.msg2 = 0, 0, 0, 0, 0, 0
	if p.left == 0 {
		p.to(mDone)
		return
	}
	p.left--
	s.msgs++
	p.msg = s.msgs
	s.put[p.msg-1] = mUnder
	p.to(mPut)
}

func (s *mState) crash(p *mProc) {
	if p.msg != 0 && s.put[p.msg-1] == mUnder {
		s.put[p.msg-1] = mDoubt
	}
	if p.msg2 != 0 && s.put[p.msg2-1] == mUnder {
		s.put[p.msg2-1] = mDoubt
	}
	s.crashes++
	s.held[p.idx] = false
	*p = mProc{pc: mDead, consumer: p.consumer, left: p.left}
}

// step makes the next atomic step of a process, and tells how many outcomes it has; choice is which.
func (m *mRun) step(s *mState, p *mProc, choice int) (choices int) {
	n := uint8(m.slots)
	word := func(pos uint8) *mWord { return &s.word[pos%n] }
	at := p.pos + p.i
	turn := at / n
	mine := func(state uint8) mWord { return mWord{turn, p.owner(), state} }
	switch p.pc {
	case mDead: // a successor takes the first free process slot
		for i := range s.held {
			if !s.held[i] {
				s.held[i], p.idx = true, uint8(i)
				break
			}
		}
		p.pc = mJoin
	case mJoin:
		s.gen[p.idx]++
		p.gen = s.gen[p.idx]
		p.pc = mSweep
		if m.broken == "no sweep" {
			s.start(p)
		}
	case mSweep:
		if p.pos == n {
			p.alarm(mSwept)
			break
		}
		if p.w = *word(p.pos); p.w.owned() && s.dead(p, p.w.owner) {
			p.pc = mSweepFix
		} else {
			p.w = mWord{}
			p.pos++
		}
	case mSweepFix:
		m.repair(word(p.pos), p.w)
		p.w = mWord{}
		p.pos++
		p.pc = mSweep
	case mSwept:
		s.start(p)
	case mFix: // aret is where to go on; the alarm only after a repair
		if m.repair(word(p.pos), p.w) {
			p.alarm(p.aret)
		} else {
			p.to(p.aret)
		}
	case mAttn:
		s.bumpAttn()
		p.pc = mAlarm0
	case mAlarm0:
		s.changed(0, s.bell[0])
		p.pc = mWake0
	case mWake0:
		s.wake(0, -1)
		if p.pc = mAlarm1; p.short {
			p.to(p.aret)
		}
	case mAlarm1:
		s.changed(1, s.bell[1])
		p.pc = mWake1
	case mWake1:
		s.wake(1, -1)
		p.to(p.aret)

	case mRing:
		p.v, p.same = s.bell[p.bell], true
		if p.pc = mRingCAS; p.v == idle {
			p.pc = p.ret
		}
	case mRingCAS:
		if p.pc = mRing; p.same {
			s.changed(p.bell, rung)
			if m.broken == "clear first" {
				s.bell[p.bell] = idle
			}
			p.same, p.pc = true, mRingWake
		}
	case mRingWake:
		woken := s.wake(p.bell, choice)
		if p.pc = p.ret; woken == 0 && m.broken != "clear first" {
			p.pc = mRingIdle
		}
		return max(1, woken)
	case mRingIdle:
		if p.same {
			s.changed(p.bell, idle)
		}
		p.pc = p.ret
	case mArm:
		p.v, p.same = s.bell[p.bell], true
		if p.pc = mArmCAS; p.v == armed {
			p.pc = p.ret
		}
	case mArmCAS:
		if p.pc = mArm; p.same {
			s.changed(p.bell, armed)
			p.v, p.same, p.pc = armed, true, p.ret
		}
	case mSleep:
		asleep, b := p.same || m.broken == "no epoch" && s.bell[p.bell] == p.v, p.bell
		if p.to(mPut); p.consumer {
			p.to(mGet)
		}
		if asleep {
			p.asleep, p.bell = true, b
		}

	case mPut:
		p.bell, p.pos, p.pc = 0, s.tail, mPutWord
	case mPutWord:
		p.w = *word(p.pos)
		switch {
		case p.w == mWord{turn, 0, mEmpty}:
			p.pc = mPutCAS
		case p.w.ahead(turn) >= 0:
			if p.pc = mPutHelp; m.broken == "no help" {
				p.arm(1, mPutLook)
			}
		default:
			p.pc = mPutStale
		}
	case mPutHelp:
		if s.tail == p.pos {
			s.tail++
		}
		p.to(mPut)
	case mPutCAS:
		if *word(p.pos) != p.w {
			p.to(mPut)
			break
		}
		*word(p.pos) = mine(mWriting)
		p.w, p.pc, p.k = mWord{}, mPutTail, 1
		if m.run {
			p.pc = mPutWarn
		}
	case mPutWarn:
		if p.pc = mPutA; s.bell[0] == armed {
			p.ring(0, mPutA)
		}
	case mPutMore:
		p.pc = mPutTail
		if next := p.pos + 1; p.left > 0 && *word(next) == (mWord{next / n, 0, mEmpty}) {
			*word(next) = mWord{next / n, p.owner(), mWriting}
			p.k, p.i, p.pc = 2, 1, mPutWarn
			p.left--
			s.msgs++
			p.msg2 = s.msgs
			s.put[p.msg2-1] = mUnder
		}
	case mPutTail:
		if s.tail == p.pos {
			s.tail += p.k
			p.toldTail(m)
		} else if p.pc = mPutMove; p.k == 1 {
			p.toldTail(m)
		}
	case mPutMove:
		if int8(s.tail-p.pos) < int8(p.k) {
			if s.tail = p.pos + p.k; m.broken == "too far" {
				s.tail++
			}
		}
		p.toldTail(m)
	case mPutA:
		if choice == 1 {
			s.resigns++
			p.pc = mResign
			break
		}
		if m.run {
			p.bell, p.v, p.ret, p.same = 0, 0, 0, false
		}
		s.data[at%n][0], p.pc = p.at(), mPutB
		if int(s.resigns) < m.resigns && !m.run {
			return 2
		}
	case mPutB:
		s.data[at%n][1], p.pc = p.at(), mCommit
	case mCommit:
		if *word(at) != mine(mWriting) {
			panic(violation("taken for dead while writing"))
		}
		*word(at) = mWord{turn, 0, mFull}
		switch {
		case !m.run:
			p.k = 0
			p.ring(0, mPassSpace)
		case p.i == 0:
			p.pc = mPutMore
		default:
			p.pc = mPutTail
		}
	case mResign:
		if *word(p.pos) != mine(mWriting) {
			panic(violation("taken for dead while resigning"))
		}
		*word(p.pos) = mWord{turn + 1, 0, mEmpty}
		s.put[p.msg-1] = mNotIn
		p.alarm(mPutDone)
	case mPassSpace:
		if p.pc = mPutDone; s.bell[1] != idle {
			p.pc = mPassTail
		}
	case mPassTail:
		p.pos, p.pc = s.tail, mPassEmpty
	case mPassEmpty:
		if p.pc = mPutDone; *word(p.pos) == (mWord{turn, 0, mEmpty}) {
			p.ring(1, mPutDone)
		}
	case mPutDone:
		if s.put[p.msg-1] == mUnder {
			s.put[p.msg-1] = mReturned
		}
		if p.msg2 != 0 {
			s.put[p.msg2-1] = mReturned
		}
		s.next(p)
	case mPutStale:
		if s.tail != p.pos {
			p.to(mPut)
			break
		}
		if p.w.ahead(turn) < -1 || p.w.state == mEmpty {
			panic(violation("a producer blames the memory"))
		}
		p.pc = mPutBlocked
	case mPutBlocked:
		switch {
		case s.dead(p, p.w.owner):
			p.fix(mPut)
		case p.w.state == mOrphan:
			p.pc = mCall
		default:
			p.pc = mPutArm
		}
	case mCall:
		if p.pc = mPutArm; *word(p.pos) == p.w {
			p.short = true
			p.alarm(mPutArm)
		}
	case mPutArm:
		p.to(mPut)
		p.arm(1, mPutLook)
	case mPutLook:
		p.pos, p.pc = s.tail, mPutLookWord
	case mPutLookWord:
		if p.pc = mSleep; word(p.pos).ahead(turn) >= 0 {
			p.to(mPut)
		}

	default:
		return m.stepConsumer(s, p, word, mine)
	}
	return 1
}

// toldTail is where a producer goes on that has moved tail: to write, or, at the end of a run, to ring.
func (p *mProc) toldTail(m *mRun) {
	if p.pc = mPutA; m.run {
		p.i, p.k = 0, 0
		p.ring(0, mPassSpace)
	}
}

// at is the value that a producer is at.
func (p *mProc) at() uint8 {
	if p.i == 1 {
		return p.msg2
	}
	return p.msg
}

func (m *mRun) repair(word *mWord, w mWord) bool {
	if *word != w {
		return false
	}
	switch {
	case w.state == mWriting:
		*word = mWord{w.turn + 1, 0, mEmpty}
	case m.broken == "back to full":
		*word = mWord{w.turn, 0, mFull}
	default:
		*word = mWord{w.turn, 0, mOrphan}
	}
	return true
}
