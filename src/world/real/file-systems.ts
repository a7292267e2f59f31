// Which file systems a storage root may be on. Numbers: statfs(2) and linux/magic.h.

/** File systems whose durability or atomic link we cannot trust, by statfs's type. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0x517b, 'smb'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
  [0x0bd00bd0, 'lustre'],
  [0x7461636f, 'ocfs2'],
  [0x01161970, 'gfs2'],
]);

const localFileSystems: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
]);

/** A file system's name, and whether it is reached over a network (or may be, for FUSE). */
export function fileSystemOf(type: number): { readonly name: string; readonly isNetwork: boolean } {
  // statfs's type is signed on some systems.
  const magic = type >>> 0;
  const network = networkFileSystems.get(magic);
  if (network !== undefined) return { name: network, isNetwork: true };
  return { name: localFileSystems.get(magic) ?? `0x${magic.toString(16)}`, isNetwork: false };
}
