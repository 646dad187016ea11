package pickle_test

import (
	"strings"
	"testing"

	"example.com/atrium/pickle"
)

// opcodeTests has every opcode, those that Python's own writer never emits included.
var opcodeTests = []struct{ name, data, want string }{
	{"NONE", "N.", "None"},
	{"NEWTRUE", "\x80\x02\x88.", "True"},
	{"NEWFALSE", "\x80\x02\x89.", "False"},
	{"INT", "I-42\n.", "-42"},
	{"INT true", "I01\n.", "True"},
	{"INT false", "I00\n.", "False"},
	{"INT long", "I99999999999999999999\n.", "99999999999999999999"},
	{"INT spaces", "I 7 \n.", "7"},
	{"LONG", "L123L\n.", "123"},
	{"LONG without L", "L-9223372036854775809\n.", "-9223372036854775809"},
	{"BININT", "J\xfe\xff\xff\xff.", "-2"},
	{"BININT1", "K\xff.", "255"},
	{"BININT2", "M\xff\xff.", "65535"},
	{"LONG1", "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\xff.", "-9223372036854775808"},
	{"LONG1 empty", "\x80\x02\x8a\x00.", "0"},
	{"LONG1 with needless bytes", "\x80\x02\x8a\x04\x01\x00\x00\x00.", "1"},
	{"LONG4", "\x80\x02\x8b\x02\x00\x00\x00\x00\xff.", "-256"},
	{"LONG4 big", "\x80\x02\x8b\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff.", "-4722366482869645213696"},
	{"FLOAT", "F1.5\n.", "1.5"},
	{"FLOAT inf", "F-inf\n.", "-inf"},
	{"FLOAT too big", "F1e999\n.", "inf"},
	{"BINFLOAT", "G\x3f\xf0\x00\x00\x00\x00\x00\x00.", "1.0"},
	{"STRING", "S'a\\n\\x41\\101\\'\\q'\n.", `"a\nAA'\\q"`},
	{"STRING not ASCII", "S'\\xff'\n.", `b'\xff'`},
	{"STRING double quotes", "S\"it's\"\n.", `"it's"`},
	{"BINSTRING", "T\x02\x00\x00\x00ab.", "'ab'"},
	{"SHORT_BINSTRING", "U\x02ab.", "'ab'"},
	{"SHORT_BINSTRING not ASCII", "U\x01\xe9.", `b'\xe9'`},
	{"UNICODE", "Va\\u00e9\\U0001f389\xe9\n.", "'aé🎉é'"},
	{"UNICODE backslashes", "V\\\\u0041\\u005cu0041\n.", `'\\\\u0041\\u0041'`},
	{"BINUNICODE", "X\x02\x00\x00\x00\xc3\xa9.", "'é'"},
	{"BINUNICODE surrogate", "X\x03\x00\x00\x00\xed\xa0\x80.", `'\ud800'`},
	{"SHORT_BINUNICODE", "\x80\x04\x8c\x01a.", "'a'"},
	{"BINUNICODE8", "\x80\x04\x8d\x01\x00\x00\x00\x00\x00\x00\x00a.", "'a'"},
	{"BINBYTES", "\x80\x03B\x01\x00\x00\x00\xff.", `b'\xff'`},
	{"SHORT_BINBYTES", "\x80\x03C\x01a.", "b'a'"},
	{"BINBYTES8", "\x80\x04\x8e\x01\x00\x00\x00\x00\x00\x00\x00a.", "b'a'"},
	{"BYTEARRAY8", "\x80\x05\x96\x01\x00\x00\x00\x00\x00\x00\x00a.", "bytearray(b'a')"},
	{"EMPTY_LIST", "].", "[]"},
	{"LIST", "(K\x01K\x02l.", "[1, 2]"},
	{"APPEND", "]K\x01a.", "[1]"},
	{"APPENDS", "](K\x01K\x02e.", "[1, 2]"},
	{"EMPTY_TUPLE", ").", "()"},
	{"TUPLE", "(K\x01K\x02t.", "(1, 2)"},
	{"TUPLE empty", "(t.", "()"},
	{"TUPLE1", "\x80\x02K\x01\x85.", "(1,)"},
	{"TUPLE2", "\x80\x02K\x01K\x02\x86.", "(1, 2)"},
	{"TUPLE3", "\x80\x02K\x01K\x02K\x03\x87.", "(1, 2, 3)"},
	{"EMPTY_DICT", "}.", "{}"},
	{"DICT", "(K\x01K\x02d.", "{1: 2}"},
	{"SETITEM", "}K\x01K\x02s.", "{1: 2}"},
	{"SETITEMS", "}(K\x01K\x02K\x03K\x04u.", "{1: 2, 3: 4}"},
	{"SETITEMS same key", "}(K\x01K\x02I01\nK\x04u.", "{1: 4}"},
	{"EMPTY_SET", "\x80\x04\x8f.", "set()"},
	{"ADDITEMS", "\x80\x04\x8f(K\x01K\x01K\x02\x90.", "{1, 2}"},
	{"FROZENSET", "\x80\x04(K\x01\x91.", "frozenset({1})"},
	{"FROZENSET empty", "\x80\x04(\x91.", "frozenset()"},
	{"PUT and GET", "]p7\nK\x01ag7\n\x86.", "([1], [1])"},
	{"BINPUT and BINGET", "]q\x01h\x01\x86.", "([], [])"},
	{"LONG_BINPUT and LONG_BINGET", "]r\x00\x00\x00\x80j\x00\x00\x00\x80\x86.", "([], [])"},
	{"MEMOIZE", "\x80\x04]\x94]\x94h\x00h\x01\x87.", "([], [], [])"},
	{"MEMOIZE after PUT 1", "\x80\x04]q\x01]\x94h\x01\x86.", "([], [])"},
	{"PUT again", "K\x01q\x00K\x02q\x00h\x00\x87.", "(1, 2, 2)"},
	{"POP", "K\x01K\x020.", "1"},
	{"POP of a MARK", "K\x01(0.", "1"},
	{"POP_MARK", "K\x01(K\x02K\x031.", "1"},
	{"DUP", "]2\x86.", "([], [])"},
	{"GLOBAL", "c__main__\nPoint\n.", "<class '__main__.Point'>"},
	{"GLOBAL of Python 2", "c__builtin__\nunicode\n.", "<class 'str'>"},
	{"GLOBAL of an exception of Python 2", "cexceptions\nValueError\n.", "<class 'ValueError'>"},
	{"GLOBAL in protocol 3 is not translated", "\x80\x03ccopy_reg\nx\n.", "<class 'copy_reg.x'>"},
	{"STACK_GLOBAL", "\x80\x04\x8c\x01m\x8c\x03A.B\x93.", "<class 'm.A.B'>"},
	{"REDUCE", "c__builtin__\nValueError\n(U\x01xtR.", "ValueError('x')"},
	{"NEWOBJ", "\x80\x02cm\nP\n)\x81.", "<m.P object>"},
	{"NEWOBJ with arguments", "\x80\x02cm\nP\nK\x01\x85\x81.", "P(1)"},
	{"NEWOBJ_EX", "\x80\x04\x8c\x01m\x8c\x01P\x93K\x01\x85}\x8c\x01kK\x02s\x92.", "P(1, k=2)"},
	{"BUILD", "\x80\x02cm\nP\n)\x81}U\x01aK\x01sb.", "<m.P object {'a': 1}>"},
	{"INST", "(K\x01im\nP\n.", "P(1)"},
	{"INST without arguments", "(im\nP\n}U\x01aK\x01sb.", "<m.P object {'a': 1}>"},
	{"OBJ", "(cm\nP\nK\x01o.", "P(1)"},
	{"OBJ without arguments", "(cm\nP\no.", "<m.P object>"},
	{"list items", "\x80\x02ccollections\ndeque\n)R(K\x01K\x02e.", "deque([1, 2])"},
	{"dict items", "\x80\x02cm\nD\n)RK\x01K\x02s.", "D({1: 2})"},
	{"list, dict and state", "\x80\x02cm\nD\nK\x00\x85RK\x01aK\x02K\x03sNb.", "D(0, [1], {2: 3})"},
	{"state setter", "\x80\x02cm\nD\n)R\x94cm\nf\nh\x00K\x05\x86R0.", "D(5)"},
	{"PERSID", "Pid 7\n.", "<persistent id 'id 7'>"},
	{"BINPERSID", "K\x07Q.", "<persistent id 7>"},
	{"EXT1", "\x80\x02\x82\x01.", "<extension 1>"},
	{"EXT2", "\x80\x02\x83\x01\x02.", "<extension 513>"},
	{"EXT4", "\x80\x02\x84\x01\x02\x03\x04.", "<extension 67305985>"},
	{"FRAME", "\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N.", "None"},
	{"FRAMEs in between", "\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00]\x95\x00\x00\x00\x00\x00\x00\x00\x00K\x01a.", "[1]"},
	{"STOP above others", "K\x01K\x02.", "2"},
	{"_codecs.encode", "c_codecs\nencode\n(X\x02\x00\x00\x00\xc3\xbfU\x06latin1tR.", `b'\xff'`},
	{"bytes()", "c__builtin__\nbytes\n)R.", "b''"},
	{"bytearray of latin-1", "c__builtin__\nbytearray\n(X\x01\x00\x00\x00aU\x07latin-1tR.", "bytearray(b'a')"},
	{"set([1])", "c__builtin__\nset\n((lK\x01atR.", "{1}"},
	{"frozenset()", "c__builtin__\nfrozenset\n)R.", "frozenset()"},
	{"list([1])", "c__builtin__\nlist\n((lK\x01atR.", "[1]"},
	{"xrange", "c__builtin__\nxrange\n(K\x01K\x05K\x02tR.", "range(1, 5, 2)"},
	{"range with step 0 stays a call", "c__builtin__\nxrange\n(K\x01K\x05K\x00tR.", "range(1, 5, 0)"},
	{"complex", "c__builtin__\ncomplex\n(F1\nF-2\ntR.", "(1-2j)"},
	{"set of a tuple stays a call", "c__builtin__\nset\n(K\x01\x85tR.", "set((1,))"},
	{"eval stays a call", "c__builtin__\neval\n(U\x03exptR.", "eval('exp')"},
	{"os.system stays a call", "cposix\nsystem\n(U\x02rmtR.", "system('rm')"},
}

func TestOpcodes(t *testing.T) {
	for _, tt := range opcodeTests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := pickle.Decode([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := pickle.Repr(v); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			for proto := 2; proto <= 5; proto++ {
				data, err := pickle.Encoder{Protocol: proto}.Append(nil, v)
				if err != nil {
					t.Fatalf("back in protocol %d: %v", proto, err)
				}
				w, err := pickle.Decode(data)
				if err != nil {
					t.Fatalf("again from protocol %d: %v", proto, err)
				}
				if got := pickle.Repr(w); got != tt.want && !strings.Contains(tt.data, "A.B") && !strings.Contains(tt.data, "copy_reg") {
					t.Errorf("by way of protocol %d it is %s, want %s", proto, got, tt.want)
				}
			}
		})
	}
}

func TestEveryOpcodeIsTested(t *testing.T) {
	have := map[string]bool{}
	for _, tt := range opcodeTests {
		for name := range strings.FieldsSeq(strings.ReplaceAll(tt.name, " and ", " ")) {
			have[name] = true
		}
	}
	for _, name := range pickle.OpcodeNames() {
		switch name {
		case "STOP", "MARK", "PROTO", "NEXT_BUFFER", "READONLY_BUFFER": // in all of them; in TestOutOfBand
			continue
		}
		if !have[name] {
			t.Errorf("no test of %s", name)
		}
	}
}

// TestErrors has one pickle for each way to be wrong, with a part of its message.
func TestErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", "", "byte 0: the pickle ends too early"},
		{"no STOP", "N", "byte 1: the pickle ends too early"},
		{"empty stack", ".", "byte 0, STOP: nothing is on the stack"},
		{"unknown opcode", "\xff.", "byte 0, opcode 0xff: this is no opcode"},
		{"newer protocol", "\x80\x06N.", "byte 0, PROTO: protocol 6 is newer than 5"},
		{"trailing", "N.N.", "byte 2: bytes follow the end of the pickle (2)"},
		{"frame beyond the end", "\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00N.", "FRAME: the pickle ends too early"},
		{"POP of nothing", "0.", "POP: nothing is on the stack"},
		{"DUP of nothing", "2.", "DUP: nothing is on the stack"},
		{"STOP under a MARK", "K\x01(.", "STOP: nothing is on the stack"},
		{"TUPLE2 across a MARK", "K\x01(K\x02\x86.", "TUPLE2: nothing is on the stack"},
		{"TUPLE without MARK", "K\x01t.", "TUPLE: there is no MARK"},
		{"POP_MARK without MARK", "K\x011.", "POP_MARK: there is no MARK"},
		{"APPEND to an int", "K\x01K\x02a.", "APPEND: a int takes no list items"},
		{"APPENDS to nothing", "(K\x02e.", "APPENDS: nothing is on the stack"},
		{"SETITEMS on a list", "](K\x01K\x02u.", "SETITEMS: a list takes no dict items"},
		{"SETITEMS odd", "}(K\x01u.", "SETITEMS: a dict has a key without a value"},
		{"SETITEMS odd on an object", "\x80\x02cm\nD\n)R(K\x01u.", "SETITEMS: a dict has a key without a value"},
		{"ADDITEMS to a list", "](K\x01\x90.", "ADDITEMS: a list takes no elements of a set"},
		{"DICT odd", "(K\x01d.", "DICT: a dict has a key without a value"},
		{"list as key", "}]K\x01s.", "SETITEM: unhashable type: 'list'"},
		{"dict in a set", "\x80\x04\x8f(}\x90.", "ADDITEMS: unhashable type: 'dict'"},
		{"set in a frozenset", "\x80\x04(\x8f\x91.", "FROZENSET: unhashable type: 'set'"},
		{"tuple with a list as key", "}]\x85K\x01s.", "SETITEM: unhashable type: 'list'"},
		{"bytearray as key", "\x80\x05}\x96\x00\x00\x00\x00\x00\x00\x00\x00K\x01s.", "SETITEM: unhashable type: 'bytearray'"},
		{"GET of nothing", "g5\n.", "GET: the memo has no entry 5"},
		{"BINGET of nothing", "h\x00.", "BINGET: the memo has no entry 0"},
		{"BINGET of the gap", "]q\x01h\x00.", "BINGET: the memo has no entry 0"},
		{"LONG_BINGET of nothing", "j\xff\xff\xff\xff.", "LONG_BINGET: the memo has no entry 4294967295"},
		{"PUT of nothing", "p0\n.", "PUT: nothing is on the stack"},
		{"PUT of no number", "]p-1\n.", `PUT: "-1" is no number of a memo entry`},
		{"MEMOIZE of nothing", "\x80\x04\x94.", "MEMOIZE: nothing is on the stack"},
		{"INT of letters", "Ix\n.", `INT: "x" is no decimal number`},
		{"INT with underscore", "I1_0\n.", `INT: "1_0" is no decimal number`},
		{"INT too long", "I" + strings.Repeat("9", 4301) + "\n.", "INT: limit exceeded: an integer in text has more than 4300 digits"},
		{"FLOAT of letters", "Fx\n.", "FLOAT: strconv.ParseFloat"},
		{"LONG4 negative", "\x80\x02\x8b\xff\xff\xff\xff.", "LONG4: negative length"},
		{"BINSTRING negative", "T\xff\xff\xff\xff.", "BINSTRING: negative length"},
		{"STRING without quotes", "Sabc\n.", "STRING: the string has no quotes"},
		{"STRING with one quote", "S'\n.", "STRING: the string has no quotes"},
		{"STRING ends in backslash", "S'\\'\n.", "STRING: the string ends in a backslash"},
		{"STRING short \\x", "S'\\x4'\n.", "STRING: the string has an incomplete \\x"},
		{"STRING bad \\x", "S'\\xzz'\n.", "STRING: the string has an invalid \\x"},
		{"UNICODE short \\u", "V\\u00\n.", "UNICODE: the string has an incomplete \\u"},
		{"UNICODE bad \\u", "V\\uzzzz\n.", "UNICODE: the string has an invalid \\u"},
		{"UNICODE beyond", "V\\U00110000\n.", "UNICODE: the string has an invalid \\u"},
		{"no UTF-8", "X\x01\x00\x00\x00\xff.", "BINUNICODE: the string is not UTF-8"},
		{"half a surrogate", "X\x02\x00\x00\x00\xed\xa0.", "BINUNICODE: the string is not UTF-8"},
		{"too long a form", "X\x02\x00\x00\x00\xc0\x80.", "BINUNICODE: the string is not UTF-8"},
		{"PERSID of no UTF-8", "P\xff\n.", "PERSID: the id is not UTF-8"},
		{"GLOBAL of no UTF-8", "c\xff\nx\n.", "GLOBAL: a class is named by something else"},
		{"GLOBAL cut", "cmodule\n", "GLOBAL: the pickle ends too early"},
		{"STACK_GLOBAL of ints", "\x80\x04K\x01K\x02\x93.", "STACK_GLOBAL: a class is named by something else"},
		{"REDUCE of a list", "cm\nf\n]R.", "REDUCE: the arguments of a call are no tuple"},
		{"NEWOBJ of a list", "\x80\x02cm\nf\n]\x81.", "NEWOBJ: the arguments of a call are no tuple"},
		{"NEWOBJ_EX of lists", "\x80\x04cm\nf\n)]\x92.", "NEWOBJ_EX: the arguments of a call are no tuple and dict"},
		{"OBJ of nothing", "(o.", "OBJ: an instance has no class"},
		{"BUILD of an int", "K\x01}b.", "BUILD: a int takes no state"},
		{"BUILD twice", "\x80\x02cm\nP\n)\x81}b}b.", "BUILD: an object has two states"},
		{"BUILD of nothing", "}b.", "BUILD: nothing is on the stack"},
		{"EXT1 of 0", "\x80\x02\x82\x00.", "EXT1: extension code 0 is not positive"},
		{"EXT4 negative", "\x80\x02\x84\xff\xff\xff\xff.", "EXT4: extension code -1 is not positive"},
		{"NEXT_BUFFER without", "\x80\x05\x97.", "NEXT_BUFFER: the pickle has more out-of-band buffers"},
		{"READONLY_BUFFER of an int", "\x80\x05K\x01\x98.", "READONLY_BUFFER: a int is no out-of-band buffer"},
		{"bytes written as wide text", "c_codecs\nencode\n(X\x03\x00\x00\x00\xe6\x97\xa5U\x06latin1tR.", "REDUCE: bytes written as text have a character above U+00FF"},
		{"set of lists", "c__builtin__\nset\n((l]atR.", "REDUCE: unhashable type: 'list'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := pickle.Decode([]byte(tt.data))
			if err == nil {
				t.Fatalf("decodes as %s", pickle.Repr(v))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want %q in it", err, tt.want)
			}
		})
	}
}
