#!/usr/bin/env bash
# Debian's own riscv64 kernel and a small initramfs for it: the guest of tests, benches and examples.
#
#   tests/guest/linux.sh [EXTRA]
#
# Prints three lines, the paths of the kernel (an `Image`), of the initramfs (an uncompressed cpio archive) and of
# OpenSBI (`fw_jump.bin`).
# Needs no root: the packages come by `apt-get download` into an apt state of their own, checked against Debian's
# signature, from the mirror that this host's apt is configured with. EXTRA is a directory whose files the guest sees
# in /extra. Everything is kept in $IRONLOOM_GUEST_DIR (else in the user's cache); a second run only prints.
set -euo pipefail

suite=trixie
kernel_wanted=linux-image-6.12.107+deb13-riscv64
modules_wanted="virtio_mmio virtio_blk virtio_net virtio_rng virtio_console virtio_balloon crc32c_generic ext4
    af_packet rtc_goldfish"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

here=$(cd "$(dirname "$0")" && pwd)
extra=${1:-}
root=${IRONLOOM_GUEST_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/ironloom/guest}

# Why it cannot be done, for tests that then skip.
refuse() {
    echo "linux.sh: $*" >&2
    exit 1
}

# What the initramfs depends on: this script, what it packs beside the packages, and the files of EXTRA.
recipe() {
    (
        cat "$here/linux.sh" "$here/init" "$here/udhcpc"
        if [ -n "$extra" ]; then
            cd "$extra"
            find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum
        fi
    ) | sha256sum | cut -c1-16
}

# The mirror of Debian's main archive in the host's configuration.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null |
        grep -v -e security -e backports | head -n 1 | grep . && return
    cat /etc/apt/sources.list.d/debian.sources 2>/dev/null | awk '/^URIs:/ { print $2; exit }' | grep . && return
    cat /etc/apt/sources.list 2>/dev/null | awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }' | grep .
}

# apt-get and apt-cache with a state of their own: nothing of the host's changes, and only its way to the network is used.
configure_apt() {
    local state=$1
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    echo "deb [arch=riscv64 signed-by=$keyring] $(mirror) $suite main" >"$state/sources.list"
    cat >"$state/apt.conf" <<CONF
#clear APT::Architectures;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "riscv64";
APT::Architectures { "riscv64"; };
APT::Sandbox::User "$(id -un)";
APT::Color "0";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Etc::SourceList "$state/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$state";
Dir::State::Lists "$state/lists";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
Dir::Log "$state";
CONF
}

# The kernel that the tests are tuned to or, once Debian has dropped it, the one that followed it.
kernel_package() {
    local state=$1
    if apt-cache -c "$state/apt.conf" show --no-all-versions "$kernel_wanted" 2>/dev/null | grep -q '^Package:'; then
        echo "$kernel_wanted"
        return
    fi
    apt-cache -c "$state/apt.conf" depends linux-image-riscv64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }'
}

# Gets and unpacks the packages: afterwards `packages/` holds the kernel, its modules, busybox and OpenSBI, whole or not at
# all.
get_packages() {
    [ -e "$root/packages/complete-2" ] && return
    [ -r "$keyring" ] || refuse "no $keyring: install debian-archive-keyring"
    [ -n "$(mirror)" ] || refuse "this host's apt knows no mirror of Debian"
    local work=$root/work
    rm -rf "$work" "$root/packages"
    mkdir -p "$work/unpacked"
    configure_apt "$work/apt"
    apt-get -qq -c "$work/apt/apt.conf" update >&2 || refuse "apt-get update failed"
    local kernel
    kernel=$(kernel_package "$work/apt")
    [ -n "$kernel" ] || refuse "$suite has no kernel for riscv64"
    (cd "$work" && apt-get -qq -c "$work/apt/apt.conf" download "$kernel" busybox-static opensbi >&2) ||
        refuse "apt-get download of $kernel, busybox-static and opensbi failed"
    local package
    for package in "$work"/*.deb; do
        dpkg-deb -x "$package" "$work/unpacked"
    done
    keep_what_is_needed "$work/unpacked" "$work/packages"
    touch "$work/packages/complete-2"
    mv "$work/packages" "$root/packages"
    rm -rf "$work"
}

# The kernel, busybox and the wanted modules, in the order in which they must be loaded.
keep_what_is_needed() {
    local unpacked=$1 kept=$2
    mkdir -p "$kept/modules"
    cp "$unpacked"/boot/vmlinu?-* "$kept/Image"
    [ "$(od -An -c -j 56 -N 3 "$kept/Image" | tr -d ' ')" = RSC ] || refuse "the kernel is no RISC-V Image"
    cp "$(find "$unpacked" -type f -path '*/bin/busybox')" "$kept/busybox"
    cp "$unpacked"/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.bin "$kept/fw_jump.bin"
    : >"$kept/modules/order"
    local module
    for module in $modules_wanted; do
        keep_module "$unpacked" "$kept/modules" "$module"
    done
}

# One module after those that it depends on; nothing if it is built into the kernel or does not exist.
keep_module() {
    local unpacked=$1 modules=$2 name=${3//-/_} file needed
    [ -e "$modules/$name.ko" ] && return
    file=$(find "$unpacked" -type f -name "${name//_/[_-]}.ko*" | head -n 1)
    [ -n "$file" ] || return 0
    case $file in
    *.xz) xz -dc "$file" >"$modules/$name.ko" ;;
    *.zst) zstd -qdc "$file" >"$modules/$name.ko" ;;
    *) cp "$file" "$modules/$name.ko" ;;
    esac
    for needed in $(tr '\0' '\n' <"$modules/$name.ko" | sed -n 's/^depends=//p' | head -n 1 | tr ',' ' '); do
        keep_module "$unpacked" "$modules" "$needed"
    done
    echo "$name.ko" >>"$modules/order"
}

# The tree of the initramfs.
lay_out() {
    local tree=$1
    mkdir -p "$tree"/{bin,dev,etc,extra,lib,mnt,proc,root,run,sys,tmp}
    cp "$root/packages/busybox" "$tree/bin/busybox"
    cp -r "$root/packages/modules" "$tree/lib/modules"
    cp "$here/init" "$tree/init"
    cp "$here/udhcpc" "$tree/etc/udhcpc"
    [ -z "$extra" ] || cp -rL "$extra/." "$tree/extra/"
    chmod -R u=rwX,go=rX "$tree"
    chmod 755 "$tree/init" "$tree/etc/udhcpc" "$tree/bin/busybox"
}

# One entry of a cpio archive in the format that the kernel reads ("newc"). Owners, times and numbers are the same
# wherever it is made, so that equal trees are equal archives.
entry=0
cpio_entry() {
    local name=$1 mode=$2 size=$3 major=$4 minor=$5 file=$6
    entry=$((entry + 1))
    printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X' "$entry" "$mode" 0 0 1 0 "$size" 0 0 \
        "$major" "$minor" $((${#name} + 1)) 0
    printf '%s\0' "$name"
    pad $((110 + ${#name} + 1))
    [ -z "$file" ] || cat "$file"
    pad "$size"
}

# Zeros up to the next multiple of four.
pad() {
    head -c $(((4 - $1 % 4) % 4)) /dev/zero
}

# The tree as an archive, with the console that the kernel opens before it starts /init.
archive() {
    local path
    cd "$1"
    find . -mindepth 1 \( -type d -o -type f \) -print | sed 's|^\./||' | LC_ALL=C sort | while IFS= read -r path; do
        if [ -d "$path" ]; then
            cpio_entry "$path" $((040755)) 0 0 0 ''
        elif [ -x "$path" ]; then
            cpio_entry "$path" $((0100755)) "$(stat -c %s "$path")" 0 0 "$path"
        else
            cpio_entry "$path" $((0100644)) "$(stat -c %s "$path")" 0 0 "$path"
        fi
    done
    cpio_entry dev/console $((020600)) 0 5 1 ''
    cpio_entry dev/null $((020666)) 0 1 3 ''
    cpio_entry TRAILER!!! 0 0 0 0 ''
}

make_initramfs() {
    local target=$1 tree=$root/tree
    rm -rf "$tree" "$root/initramfs.partial"
    lay_out "$tree"
    (archive "$tree") >"$root/initramfs.partial"
    mv "$root/initramfs.partial" "$target"
    rm -rf "$tree"
}

[ -z "$extra" ] || [ -d "$extra" ] || refuse "$extra is no directory"
for command in apt-get dpkg-deb xz flock sha256sum; do
    command -v "$command" >/dev/null || refuse "no $command here"
done
mkdir -p "$root"
root=$(cd "$root" && pwd)
# Tests run in parallel: one of them builds, the others wait for it.
exec 9>"$root/lock"
flock 9
get_packages
initramfs=$root/initramfs-$(recipe).cpio
[ -e "$initramfs" ] || make_initramfs "$initramfs"
echo "$root/packages/Image"
echo "$initramfs"
echo "$root/packages/fw_jump.bin"
