package pickle

import (
	"errors"
	"fmt"
	"sync"
)

// A machine runs one pickle. It is the stack machine of the format, whose results are data.
type machine struct {
	data   []byte
	pos    int
	opPos  int // where the opcode at work stands
	limits Limits
	proto  int // what PROTO said, 0 without

	stack  []any
	high   int   // above this height the stack's memory holds no values
	marks  []int // heights of the stack where MARK was
	memo   []any // unset{} where nothing was put
	sparse map[uint32]any
	keys   comparer // of dict keys and set elements; its steps count as items

	share   bool
	buffers [][]byte
	strings []remembered // the memo of direct
	items   int          // values that direct read
	ahead   int          // opcodes that it looked ahead

	window   string // a copy of data[windowAt:], of which short strings are parts
	windowAt int
}

// unset fills gaps in the memo.
type unset struct{}

var machines = sync.Pool{New: func() any { return new(machine) }}

// keep is the number of stack and memo entries up to which a machine's memory is used again.
const keep = 1 << 12

func newMachine(data []byte, d Decoder) *machine {
	m := machines.Get().(*machine)
	m.data, m.pos, m.opPos, m.proto = data, 0, 0, 0
	m.limits = d.Limits.withDefaults()
	m.buffers, m.share = d.Buffers, d.Share
	// Within one pickle, objects that only Python can compare stay apart: it would not have written equal keys.
	m.keys = comparer{byIdentity: true, max: m.limits.MaxItems}
	return m
}

func (m *machine) free() {
	stack, memo, marks, strings := m.stack, m.memo, m.marks, m.strings
	clear(stack[:max(m.high, len(stack))])
	clear(memo)
	clear(strings)
	if cap(stack) > keep || cap(memo) > keep || cap(marks) > keep || cap(strings) > keep {
		stack, memo, marks, strings = nil, nil, nil, nil
	}
	*m = machine{stack: stack[:0], memo: memo[:0], marks: marks[:0], strings: strings[:0]}
	machines.Put(m)
}

// fail says where an error happened.
func (m *machine) fail(err error) error {
	name := ""
	if m.opPos < len(m.data) {
		name = opName(m.data[m.opPos])
	}
	return &Error{Offset: m.opPos, Op: name, Err: err}
}

var (
	errStack = errors.New("nothing is on the stack where the opcode needs a value")
	errMark  = errors.New("there is no MARK on the stack")
)

func (m *machine) push(v any) { m.stack = append(m.stack, v) }

// fence is the height below which only the opcode that takes the last MARK may look.
func (m *machine) fence() int {
	if n := len(m.marks); n > 0 {
		return m.marks[n-1]
	}
	return 0
}

func (m *machine) pop() (any, error) {
	n := len(m.stack) - 1
	if n < m.fence() {
		return nil, errStack
	}
	v := m.stack[n]
	m.stack[n] = nil
	m.stack = m.stack[:n]
	return v, nil
}

func (m *machine) top() (any, error) {
	n := len(m.stack) - 1
	if n < m.fence() {
		return nil, errStack
	}
	return m.stack[n], nil
}

// popN takes the upper n values, which are valid until the next push.
func (m *machine) popN(n int) ([]any, error) {
	h := len(m.stack) - n
	if h < m.fence() {
		return nil, errStack
	}
	m.high = max(m.high, len(m.stack))
	vs := m.stack[h:]
	m.stack = m.stack[:h]
	return vs, nil
}

func (m *machine) mark() error {
	if len(m.marks) >= m.limits.MaxDepth {
		return exceeded("MaxDepth", m.limits.MaxDepth)
	}
	m.marks = append(m.marks, len(m.stack))
	return nil
}

// popMark takes the values above the last MARK, valid until the next push, and the MARK.
func (m *machine) popMark() ([]any, error) {
	n := len(m.marks) - 1
	if n < 0 {
		return nil, errMark
	}
	m.high = max(m.high, len(m.stack))
	vs := m.stack[m.marks[n]:]
	m.stack = m.stack[:m.marks[n]]
	m.marks = m.marks[:n]
	return vs, nil
}

func (m *machine) put(i uint32, v any) error {
	n := len(m.memo)
	switch {
	case n+len(m.sparse) >= m.limits.MaxMemo:
		return exceeded("MaxMemo", m.limits.MaxMemo)
	case int64(i) < int64(n):
		m.memo[i] = v
	case int64(i) == int64(n):
		m.memo = append(m.memo, v)
	case i == 1: // Python 2 counts from 1
		m.memo = append(m.memo, unset{}, v)
	default:
		if m.sparse == nil {
			m.sparse = make(map[uint32]any)
		}
		m.sparse[i] = v
	}
	return nil
}

func (m *machine) get(i uint32) (any, error) {
	if int64(i) < int64(len(m.memo)) && m.memo[i] != (unset{}) {
		return m.memo[i], nil
	}
	if v, ok := m.sparse[i]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("the memo has no entry %d", i)
}

func (m *machine) memoize() error {
	v, err := m.top()
	if err != nil {
		return err
	}
	i := len(m.memo) + len(m.sparse)
	if len(m.memo) > 0 && m.memo[0] == (unset{}) {
		i-- // the gap is no entry
	}
	return m.put(uint32(i), v)
}
