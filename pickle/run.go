package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// run runs opcodes up to STOP.
func (m *machine) run() (any, error) {
	if len(m.data) > m.limits.MaxBytes {
		return nil, m.fail(exceeded("MaxBytes", m.limits.MaxBytes))
	}
	for ops := 0; ; ops++ {
		m.opPos = m.pos
		if m.pos >= len(m.data) {
			return nil, m.fail(ErrTruncated)
		}
		if ops+m.keys.steps >= m.limits.MaxItems {
			return nil, m.fail(exceeded("MaxItems", m.limits.MaxItems))
		}
		op := m.data[m.pos]
		m.pos++
		if op == opStop {
			v, err := m.pop()
			if err != nil {
				return nil, m.fail(err)
			}
			return v, nil
		}
		if err := m.step(op); err != nil {
			return nil, m.fail(err)
		}
	}
}

// step runs one opcode, whose arguments are at pos.
func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		return m.setProto()
	case opFrame:
		return m.frame()
	case opMark:
		return m.mark()

	case opNone:
		m.push(nil)
	case opNewTrue:
		m.push(true)
	case opNewFalse:
		m.push(false)
	case opBinInt1, opBinInt2, opBinInt:
		return m.binInt(op)
	case opLong1, opLong4:
		return m.binLong(op)
	case opBinFloat:
		b, err := m.take(8)
		if err != nil {
			return err
		}
		m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case opShortBinUnicode, opBinUnicode, opBinUnicode8:
		return m.unicode(op)
	case opShortBinBytes, opBinBytes, opBinBytes8, opByteArray8:
		return m.bytes(op)
	case opShortBinString, opBinString:
		return m.binString(op)
	case opInt, opLong, opFloat, opString, opUnicode, opPersID, opGet, opPut:
		return m.text(op)

	case opEmptyTuple:
		m.push(Tuple{})
	case opTuple1, opTuple2, opTuple3:
		return m.tupleOf(int(op-opTuple1) + 1)
	case opTuple:
		return m.tuple()
	case opEmptyList:
		m.push(&List{})
	case opList:
		return m.list()
	case opAppend:
		return m.append()
	case opAppends:
		return m.appends()
	case opEmptyDict:
		m.push(&Dict{})
	case opDict:
		return m.dict()
	case opSetItem:
		return m.setItem()
	case opSetItems:
		return m.setItems()
	case opEmptySet:
		m.push(&Set{})
	case opAddItems:
		return m.addItems()
	case opFrozenSet:
		return m.frozenSet()

	case opMemoize:
		return m.memoize()
	case opBinPut, opLongBinPut, opBinGet, opLongBinGet:
		return m.memoOp(op)
	case opPop:
		return m.popOp()
	case opPopMark:
		_, err := m.popMark()
		return err
	case opDup:
		v, err := m.top()
		if err != nil {
			return err
		}
		m.push(v)

	case opGlobal:
		return m.global()
	case opStackGlobal:
		return m.stackGlobal()
	case opReduce:
		return m.reduce()
	case opNewObj:
		return m.newObj()
	case opNewObjEx:
		return m.newObjEx()
	case opInst:
		return m.inst()
	case opObj:
		return m.obj()
	case opBuild:
		return m.build()
	case opExt1, opExt2, opExt4:
		return m.extension(op)
	case opBinPersID:
		id, err := m.pop()
		if err != nil {
			return err
		}
		m.push(PersistentID{id})
	case opNextBuffer:
		return m.nextBuffer()
	case opReadonlyBuffer:
		return m.readonlyBuffer()
	default:
		return errors.New("this is no opcode of protocols 0 to 5")
	}
	return nil
}

func (m *machine) setProto() error {
	b, err := m.take(1)
	if err != nil {
		return err
	}
	if b[0] > 5 {
		return fmt.Errorf("protocol %d is newer than 5", b[0])
	}
	m.proto = int(b[0])
	return nil
}

// frame only checks the length: frames help those who read from a file.
func (m *machine) frame() error {
	n, err := m.length(8)
	if err != nil {
		return err
	}
	if n > uint64(len(m.data)-m.pos) {
		return ErrTruncated
	}
	return nil
}

func (m *machine) memoOp(op byte) error {
	width := 1
	if op == opLongBinPut || op == opLongBinGet {
		width = 4
	}
	i, err := m.length(width)
	if err != nil {
		return err
	}
	if op == opBinGet || op == opLongBinGet {
		v, err := m.get(uint32(i))
		if err != nil {
			return err
		}
		m.push(v)
		return nil
	}
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.put(uint32(i), v)
}

// popOp drops a value, or the MARK when nothing is above it. A call dropped right above its own first argument is how
// Python writes an object that brings a function to set its state.
func (m *machine) popOp() error {
	if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
		m.marks = m.marks[:n-1]
		return nil
	}
	v, err := m.pop()
	if err != nil {
		return err
	}
	if call, ok := v.(*Object); ok && !call.New && len(call.Args) == 2 && len(m.stack) > m.fence() {
		if o, ok := m.stack[len(m.stack)-1].(*Object); ok && o != call && call.Args[0] == any(o) && o.State == nil && call.Args[1] != nil {
			o.State, o.StateSetter = call.Args[1], call.Callable
		}
	}
	return nil
}
