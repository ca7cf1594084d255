package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Access rights of files by the version of Landlock that brought them. A right that is
// handled is refused wherever no rule grants it.
const (
	readRights = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	ownRights  = readRights | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	fileRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	firstRights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // all of version 1

	abiNetwork    = 4
	abiScopes     = 6
	abiUnixSocket = 9
)

// handled are the file rights that a version of Landlock knows.
func handled(abi int) uint64 {
	rights := uint64(firstRights)
	for since, right := range map[int]uint64{
		2:             unix.LANDLOCK_ACCESS_FS_REFER,
		3:             unix.LANDLOCK_ACCESS_FS_TRUNCATE,
		5:             unix.LANDLOCK_ACCESS_FS_IOCTL_DEV,
		abiUnixSocket: unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX,
	} {
		if abi >= since {
			rights |= right
		}
	}
	return rights
}

// needed are the places that programs read to run, to resolve names and to trust
// certificates. What of them does not exist is left out.
var needed = []string{
	"/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies",
	"/etc/localtime", "/etc/timezone", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf",
	"/dev/zero", "/dev/random", "/dev/urandom",
	"/sys/kernel/mm/transparent_hugepage",
}

// landlockABI is 0 where there is no Landlock.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// A ruleset is Landlock's, ready to be enforced.
type ruleset struct {
	fd      int
	handled uint64
}

// newRuleset prepares the rules. The caller closes it.
func newRuleset(abi int, r Rules) (*ruleset, error) {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled(abi)}
	if abi >= abiNetwork {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= abiScopes {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), sizeFor(abi), 0)
	if errno != 0 {
		return nil, fmt.Errorf("making a Landlock ruleset: %w", errno)
	}
	s := &ruleset{fd: int(fd), handled: attr.Handled_access_fs}
	if err := s.fill(r); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// sizeFor is how much of the attribute a version knows. An older kernel takes more only
// if the rest is zero; a newer one takes less always.
func sizeFor(abi int) uintptr {
	switch {
	case abi >= abiScopes:
		return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Scoped) + 8
	case abi >= abiNetwork:
		return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Handled_access_net) + 8
	}
	return unsafe.Offsetof(unix.LandlockRulesetAttr{}.Handled_access_fs) + 8
}

func (s *ruleset) fill(r Rules) error {
	for _, path := range slices.Concat(needed, r.Read) {
		if err := s.allow(path, readRights); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := s.allow(os.DevNull, readRights|unix.LANDLOCK_ACCESS_FS_WRITE_FILE); err != nil {
		return err
	}
	if err := s.allow(r.Dir, ownRights); err != nil {
		return err
	}
	if r.Loader != "" {
		if err := s.allow(r.Loader, unix.LANDLOCK_ACCESS_FS_EXECUTE|readRights); err != nil {
			return err
		}
	}
	return s.grant(int(r.Program), unix.LANDLOCK_ACCESS_FS_EXECUTE|unix.LANDLOCK_ACCESS_FS_READ_FILE)
}

// allow grants rights below a path, or to a file.
func (s *ruleset) allow(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	var stat unix.Stat_t
	err = unix.Fstat(fd, &stat)
	if err == nil {
		if stat.Mode&unix.S_IFMT != unix.S_IFDIR {
			rights &= fileRights
		}
		err = s.grant(fd, rights)
	}
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return fmt.Errorf("allowing %s: %w", path, err)
	}
	return nil
}

func (s *ruleset) grant(fd int, rights uint64) error {
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights & s.handled, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(s.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("adding a Landlock rule: %w", errno)
	}
	return nil
}

// enforce restricts the calling thread, which must have no_new_privs.
func (s *ruleset) enforce() error {
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(s.fd), 0, 0); errno != 0 {
		return fmt.Errorf("enforcing Landlock: %w", errno)
	}
	return nil
}

func (s *ruleset) close() error { return unix.Close(s.fd) }
