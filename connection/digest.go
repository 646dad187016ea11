package connection

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
)

// digests are those of CPython 3.12 and newer (_ALLOWED_DIGESTS).
var digests = map[string]func() hash.Hash{
	"md5":      md5.New,
	"sha256":   sha256.New,
	"sha384":   sha512.New384,
	"sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() },
}

const (
	legacyChallenge = 20 // bytes of a challenge of CPython before 3.12, which has no prefix
	legacyAnswer    = md5.Size
)

// split takes the "{digest}" prefix off a challenge or an answer. Of the lengths that CPython before 3.12 sends there is none: name
// is "" then.
func split(message []byte) (name string, rest []byte, ok bool) {
	if len(message) == legacyChallenge || len(message) == legacyAnswer {
		return "", message, true
	}
	if len(message) == 0 || message[0] != '{' {
		return "", nil, false
	}
	end := bytes.IndexByte(message, '}')
	if end < 0 || digests[string(message[1:end])] == nil {
		return "", nil, false
	}
	return string(message[1:end]), message[end+1:], true
}

// mac covers a whole challenge, its prefix included, so that nobody on the way can ask for a weaker digest.
func mac(digest string, key, challenge []byte) []byte {
	h := hmac.New(digests[digest], key)
	h.Write(challenge)
	return h.Sum(nil)
}
