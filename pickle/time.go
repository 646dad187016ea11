package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// The states of datetime's classes are those of CPython's Lib/_pydatetime.py: a datetime is called with 10 bytes (year as
// two, month, day, hour, minute, second, microsecond as three, all big-endian; the month's top bit is fold) and perhaps a
// tzinfo, a date with the first 4, a timedelta with days, seconds and microseconds.
const (
	datetimeModule = "datetime"
	foldBit        = 0x80
)

// time writes an aware datetime. Python knows microseconds only, and the offset from UTC rather than the zone's name.
func (w *writer) time(t time.Time) error {
	year, month, day := t.Date()
	if year < 1 || year > 9999 {
		return fmt.Errorf("pickle: Python's datetime has no year %d", year)
	}
	us := t.Nanosecond() / 1000
	state := Bytes{byte(year >> 8), byte(year), byte(month), byte(day), byte(t.Hour()), byte(t.Minute()), byte(t.Second()),
		byte(us >> 16), byte(us >> 8), byte(us)}
	_, offset := t.Zone()
	zone := Call(datetimeModule, "timezone", timedelta(time.Duration(offset)*time.Second))
	return w.call(Class{datetimeModule, "datetime"}, state, zone)
}

func timedelta(d time.Duration) *Object {
	us := d.Microseconds()
	const perDay = 24 * 3600 * 1_000_000
	days := us / perDay
	if us %= perDay; us < 0 { // only days may be negative
		us += perDay
		days--
	}
	return Call(datetimeModule, "timedelta", days, us/1_000_000, us%1_000_000)
}

var errTime = errors.New("it is no datetime or date that this package knows")

// timeOf reads a datetime or a date. Without a time zone it means local time, as for Python; a date is its midnight in UTC.
func timeOf(v any) (time.Time, error) {
	o, ok := v.(*Object)
	if !ok || len(o.Args) == 0 || len(o.Args) > 2 {
		return time.Time{}, errTime
	}
	b, ok := o.Args[0].(Bytes)
	switch c := o.Class(); {
	case !ok:
		return time.Time{}, errTime
	case c == Class{datetimeModule, "date"} && len(b) == 4 && len(o.Args) == 1:
		b = append(append(Bytes{}, b...), 0, 0, 0, 0, 0, 0)
		return clock(b, time.UTC), nil
	case c != Class{datetimeModule, "datetime"} || len(b) != 10:
		return time.Time{}, errTime
	case len(o.Args) == 1:
		return clock(b, time.Local), nil
	}
	zone, ok := o.Args[1].(*Object)
	if !ok || zone.Class() != (Class{datetimeModule, "timezone"}) || len(zone.Args) == 0 {
		return time.Time{}, errors.New("only datetime.timezone is known as its tzinfo")
	}
	offset, err := durationOf(zone.Args[0])
	if err != nil {
		return time.Time{}, err
	}
	if offset == 0 {
		return clock(b, time.UTC), nil
	}
	return clock(b, time.FixedZone("", int(offset/time.Second))), nil
}

func clock(b []byte, loc *time.Location) time.Time {
	us := int(b[7])<<16 | int(b[8])<<8 | int(b[9])
	return time.Date(int(binary.BigEndian.Uint16(b)), time.Month(b[2]&^foldBit), int(b[3]), int(b[4]), int(b[5]), int(b[6]), us*1000, loc)
}

// durationOf reads a timedelta.
func durationOf(v any) (time.Duration, error) {
	o, ok := v.(*Object)
	if !ok || o.Class() != (Class{datetimeModule, "timedelta"}) {
		return 0, errors.New("it is no timedelta")
	}
	n, ok := int64s(o.Args)
	if !ok {
		return 0, errors.New("the timedelta's parts are no three integers")
	}
	const maxDays = math.MaxInt64 / int64(24*time.Hour)
	if n[0] > maxDays-1 || n[0] < -maxDays || n[1] < 0 || n[1] >= 24*3600 || n[2] < 0 || n[2] >= 1_000_000 {
		return 0, errors.New("the timedelta exceeds a Go Duration, 292 years")
	}
	return time.Duration(n[0])*24*time.Hour + time.Duration(n[1])*time.Second + time.Duration(n[2])*time.Microsecond, nil
}
