package ring

import "fmt"

// stepConsumer is step for what only consumers do.
func (m *mRun) stepConsumer(s *mState, p *mProc, word func(uint8) *mWord, mine func(uint8) mWord) int {
	n := uint8(m.slots)
	at := p.pos + p.i
	turn := at / n
	switch p.pc {
	case mGet:
		if p.pc = mGetHead; !p.seenSame {
			if p.pc = mScan; !p.scanning {
				p.pc = mScanStart
			}
		}
	case mScanStart:
		p.scanning, p.scan, p.scanSame, p.pc = true, 0, true, mScan
	case mScan:
		if p.scan == n {
			p.seenSame = p.scanSame
			p.scanning, p.scan, p.scanSame = false, 0, false
			p.to(mGetHead)
			break
		}
		p.pos = p.scan
		switch p.w = *word(p.pos); {
		case p.w.state == mOrphan:
			p.pc = mAdopt
		case p.w.owned():
			p.pc = mScanDead
		default:
			p.scan++
			p.to(mScan)
		}
	case mScanDead:
		if s.dead(p, p.w.owner) {
			p.fix(mScan)
		} else {
			p.scan++
			p.to(mScan)
		}
	case mAdopt:
		if *word(p.pos) != p.w {
			p.to(mScan)
			break
		}
		p.scan++
		p.pos = p.w.turn*n + p.pos
		*word(p.pos) = mWord{p.w.turn, p.owner(), mReading}
		p.again, p.w, p.pc = true, mWord{}, mAdopted
	case mAdopted: // looks for what to pass the wake on for at head
		p.v, p.pc = s.head, mPassItems
	case mGetHead:
		p.pos, p.pc = s.head, mGetWord
	case mGetWord:
		p.w = *word(p.pos)
		switch ahead, state := p.w.ahead(turn), p.w.state; {
		case p.w == mWord{turn, 0, mFull}:
			p.pc = mGetCAS
		case ahead > 0, ahead == 0 && (state == mReading || state == mOrphan):
			p.pc = mGetHelp
		default:
			p.pc = mGetStale
		}
	case mGetHelp:
		if s.head == p.pos {
			s.head++
		}
		p.to(mGetHead)
	case mGetCAS:
		if *word(p.pos) != p.w {
			p.to(mGetHead)
			break
		}
		*word(p.pos) = mine(mReading)
		p.w, p.pc, p.k = mWord{}, mGetTold, 1
		if m.run {
			p.pc = mGetWarn
		}
	case mGetWarn:
		if p.pc = mGetA; s.bell[1] == armed {
			p.ring(1, mGetA)
		}
	case mGetMore:
		p.pc = mGetTold
		if next := p.pos + 1; *word(next) == (mWord{next / n, 0, mFull}) {
			*word(next) = mWord{next / n, p.owner(), mReading}
			p.k, p.i, p.pc = 2, 1, mGetWarn
		}
	case mGetTold:
		p.v, p.pc = p.pos+p.k, mPassItems
		if s.head == p.pos {
			s.head += p.k
		} else if p.k == 2 {
			p.pc = mGetMove
		}
	case mGetMove:
		if p.pc = mPassItems; int8(s.head-p.pos) < int8(p.k) {
			s.head = p.pos + p.k
		}
	case mPassItems:
		if p.pc = mPassFull; s.bell[0] == idle {
			p.v, p.pc = 0, m.passed(p)
		}
	case mPassFull:
		pos := p.v
		if p.v, p.pc = 0, m.passed(p); *word(pos) == (mWord{pos / n, 0, mFull}) {
			p.ring(0, p.pc)
		}
	case mVacated:
		p.to(0)
		p.ring(1, mGet)
	case mGetA:
		p.bell, p.v, p.ret, p.same = 0, 0, 0, false
		p.a, p.pc = s.data[at%n][0], mGetB
	case mGetB:
		p.b = s.data[at%n][1]
		if p.pc = mRelease; !m.get {
			s.deliver(p)
		}
	case mRelease:
		if *word(at) != mine(mReading) {
			panic(violation("taken for dead while reading"))
		}
		*word(at) = mWord{turn + 1, 0, mEmpty}
		if p.k > 0 && m.run {
			if p.pc = mGetMore; p.i == 1 {
				p.i, p.pc = 0, mGetTold
			}
			break
		}
		p.i, p.k = 0, 0
		ret := uint8(mGet)
		if m.get {
			ret = mDeliver
		}
		p.to(0)
		p.ring(1, ret)
	case mDeliver:
		s.deliver(p)
		p.to(mGet)
	case mGetStale:
		if s.head != p.pos {
			p.to(mGetHead)
			break
		}
		if a := p.w.ahead(turn); a < -1 || a < 0 && p.w.state != mReading && p.w.state != mOrphan {
			panic(violation("a consumer blames the memory"))
		}
		p.pc = mGetBlocked
	case mGetBlocked:
		if s.dead(p, p.w.owner) {
			p.fix(mGet)
		} else {
			p.to(mGet)
			p.arm(0, mGetLook)
		}
	case mGetLook:
		if p.pc = mGetLookHead; !p.seenSame {
			p.to(mGet)
		}
	case mGetLookHead:
		p.pos, p.pc = s.head, mGetLookWord
	case mGetLookWord:
		w := word(p.pos)
		if a := w.ahead(turn); a > 0 || a == 0 && w.state != mEmpty && w.state != mWriting {
			p.to(mGet)
		} else {
			p.pc = mSleep
		}
	default:
		panic(fmt.Sprint("no step at ", p.pc))
	}
	return 1
}

// passed is where a consumer goes on that has passed a wake on: to read, or, at the end of a run, to ring. Who has adopted an
// orphan makes no run.
func (m *mRun) passed(p *mProc) uint8 {
	if m.run && p.k > 0 {
		p.k = 0
		return mVacated
	}
	return mGetA
}

func (s *mState) deliver(p *mProc) {
	if p.a != p.b || p.a == 0 {
		panic(violation("torn"))
	}
	if p.again {
		s.agn[p.a-1]++
	} else if s.plain[p.a-1]++; s.plain[p.a-1] > 1 {
		panic(violation("delivered twice without the mark"))
	}
	p.a, p.b, p.again = 0, 0, false
}
