package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strconv"

	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
	"example.com/atrium/process"
	"example.com/atrium/shm"
)

type pixels = ndarray.Array[float32]

// band is some rows of a picture and what is to become of them.
type band struct {
	In    pixels // rows Lo and following are the band's own, the others are around it
	Lo    int
	Out   pixels // the own rows of the result
	First int    // which row of the whole picture Out's first is
	Side  int    // of the whole picture
}

// grown fills Out with its part of In, stretched: what workers run for the first step.
var grown = pool.Func("demo:grow", func(ctx context.Context, b band) (struct{}, error) {
	s := stretch{b.In.Len(), b.Side}
	wide := map[int][]float32{} // rows of In that are stretched already; four are needed at a time
	for i, dst := range b.Out.Rows() {
		if err := ctx.Err(); err != nil {
			return struct{}{}, err
		}
		at, weight := s.taps(b.First + i)
		var rows [4][]float32
		for k, r := range at {
			if wide[r] == nil {
				wide[r] = make([]float32, b.Side)
				s.widen(wide[r], b.In.Row(r))
				delete(wide, r-4)
			}
			rows[k] = wide[r]
		}
		blend(dst, rows, weight)
	}
	return struct{}{}, nil
})

// developed is a process of its own that changes some rows of an array which it finds by its name.
var developed = process.Func("demo:develop", func(_ context.Context, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%d arguments where a Space, a name and two row numbers belong", len(args))
	}
	lo, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	hi, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	space, err := shm.Open(args[0])
	if err != nil {
		return err
	}
	defer space.Close()
	a, err := ndarray.OpenRW[float32](space, args[1])
	if err != nil {
		return err
	}
	defer a.Close()
	if a.NDim() != 2 || lo < 0 || hi < lo || hi > a.Len() {
		return fmt.Errorf("%v has no rows %d to %d", a, lo, hi)
	}
	for i := lo; i < hi; i++ {
		develop(a.Row(i))
	}
	return nil
})

// engraved is the work that the demo compares ways of doing: here by reference.
var engraved = pool.Func("demo:engrave", func(ctx context.Context, b band) (struct{}, error) {
	return struct{}{}, b.engrave(ctx)
})

func (b band) engrave(ctx context.Context) error {
	last := b.In.Len() - 1
	for i, dst := range b.Out.Rows() {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := b.Lo + i
		engrave(dst, b.In.Row(max(r-1, 0)), b.In.Row(r), b.In.Row(min(r+1, last)), b.First+i, b.Side)
	}
	return nil
}

// The same by value: a header of five numbers, then In's rows; the result is Out's rows. No more of it is kept in other forms than the
// rows at hand, as a careful programmer would do.
const headerSize = 5 * 4

// bytes writes the band as a message.
func (b band) bytes() []byte {
	from := b.In.Index(0, 0)
	data := b.In.Segment().Bytes()[from : from+b.In.NBytes()]
	msg := make([]byte, 0, headerSize+len(data))
	for _, n := range []int{b.In.Len(), b.Lo, b.Out.Len(), b.First, b.Side} {
		msg = binary.LittleEndian.AppendUint32(msg, uint32(n))
	}
	return append(msg, data...)
}

// memory is where the band's result lies.
func (b band) memory() []byte {
	to := b.Out.Index(0, 0)
	return b.Out.Segment().Bytes()[to : to+b.Out.NBytes()]
}

var engravedCopy = pool.Func("demo:engrave-copy", func(_ context.Context, msg []byte) ([]byte, error) {
	if len(msg) < headerSize {
		return nil, fmt.Errorf("a band of %d bytes is too short", len(msg))
	}
	number := func(i int) int { return int(binary.LittleEndian.Uint32(msg[4*i:])) }
	rows, lo, own, first, side := number(0), number(1), number(2), number(3), number(4)
	data := msg[headerSize:]
	if lo+own > rows || len(data) != 4*rows*side {
		return nil, fmt.Errorf("%d bytes are no band of %d rows of %d", len(data), rows, side)
	}
	var have [3][]float32 // row r is in have[r%3]
	for i := range have {
		have[i] = make([]float32, side)
	}
	read := func(r int) {
		row, src := have[r%3], data[4*r*side:][:4*side]
		for x := range row {
			row[x] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*x:]))
		}
	}
	for r := max(lo-1, 0); r <= lo; r++ {
		read(r)
	}
	dst, out := make([]float32, side), make([]byte, 0, 4*own*side)
	for i := range own {
		r := lo + i
		if r+1 < rows {
			read(r + 1)
		}
		engrave(dst, have[max(r-1, 0)%3], have[r%3], have[min(r+1, rows-1)%3], first+i, side)
		for _, v := range dst {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return out, nil
})

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC-32C of all elements.
func checksum(a pixels) uint32 {
	from := a.Index(0, 0)
	return crc32.Checksum(a.Segment().Bytes()[from:from+a.NBytes()], castagnoli)
}

// checksumDeveloped is the one that a will have when it is developed.
func checksumDeveloped(a pixels) (sum uint32) {
	var b []byte
	row := make([]float32, a.Shape()[1])
	for _, src := range a.Rows() {
		copy(row, src)
		develop(row)
		b = b[:0]
		for _, v := range row {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		sum = crc32.Update(sum, castagnoli, b)
	}
	return sum
}
