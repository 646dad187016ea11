package pickle

import (
	"encoding/binary"
	"math"
	"slices"
)

// numbers appends the numbers that stand at pos to the slice that p points to, as far as they are of its type and it is one of
// those that most numbers come in. It is what makes big slices cheap: the rest of directList costs ten times as much for each.
func (m *machine) numbers(p any) {
	switch p := p.(type) {
	case *[]float64:
		*p = m.floats(*p)
	case *[]int64:
		*p = ints(m, *p)
	case *[]int:
		*p = ints(m, *p)
	}
}

func (m *machine) floats(s []float64) []float64 {
	const width = 9
	b := m.data[m.pos:]
	s = slices.Grow(s, min(batchSize, len(b)/width))
	for len(b) >= width && b[0] == opBinFloat {
		s = append(s, math.Float64frombits(binary.BigEndian.Uint64(b[1:])))
		b = b[width:]
		m.items++
	}
	m.pos = len(m.data) - len(b)
	return s
}

func ints[T int | int64](m *machine, s []T) []T {
	b := m.data[m.pos:]
	s = slices.Grow(s, min(batchSize, len(b)/2))
	for {
		switch {
		case len(b) >= 2 && b[0] == opBinInt1:
			s, b = append(s, T(b[1])), b[2:]
		case len(b) >= 3 && b[0] == opBinInt2:
			s, b = append(s, T(binary.LittleEndian.Uint16(b[1:]))), b[3:]
		case len(b) >= 5 && b[0] == opBinInt:
			s, b = append(s, T(int32(binary.LittleEndian.Uint32(b[1:])))), b[5:]
		default:
			m.pos = len(m.data) - len(b)
			return s
		}
		m.items++
	}
}
