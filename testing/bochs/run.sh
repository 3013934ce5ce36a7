#!/bin/sh
# Runs a test binary on an emulated processor, for instructions that this machine lacks. Debian and its like, as root once for the packages:
#
#     apt-get install bochs bochsbios vgabios bochs-term busybox-static cpio isolinux syslinux-common xorriso python3
#
#     cargo test --release -p damo-exec --lib --no-run          # prints the binary
#     testing/bochs/run.sh BINARY [its arguments, such as the name of a test]
#
# It boots the kernel in VMLINUZ (default: the newest in /boot; Debian's linux-image-cloud-amd64 has all that is needed in one file) with
# the binary and its libraries in memory, and prints what comes over the serial port. CPU names another of the processors of
# `bochs --help cpu`. An emulated second takes one to three; boot takes one minute.
set -eu
binary=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin" "$work/root/dev" "$work/root/proc" "$work/root/tmp" "$work/disc/isolinux"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$binary" "$work/root/test"
ldd "$binary" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$work/root$(dirname "$library")"
    cp -L "$library" "$work/root$library"
done
cat > "$work/root/init" << END
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp
/test --test-threads 1 $*
echo "exit status \$?"
/bin/busybox sleep 2
/bin/busybox poweroff -f
END
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc) > "$work/disc/initrd"
cp "${VMLINUZ:-$(ls -t /boot/vmlinuz-* | head -1)}" "$work/disc/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/disc/isolinux/"
# Bochs 2.7 tells the wrong size of compacted states (bits 321 and 323: xsavec, xsaves), for which the kernel would do without AVX.
cat > "$work/disc/isolinux/isolinux.cfg" << END
default test
timeout 1
label test
 kernel /vmlinuz
 append initrd=/initrd console=ttyS0 quiet mitigations=off nosmp nolapic_timer tsc=reliable clearcpuid=321,323
END
xorriso -as mkisofs -quiet -o "$work/disc.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 \
    -boot-info-table "$work/disc" 2> /dev/null
cat > "$work/machine" << END
display_library: term
megs: 1024
cpu: model=${CPU:-corei7_skylake_x}, count=1, ips=100000000, reset_on_triple_fault=0
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
log: $work/log
clock: sync=none
panic: action=fatal
END
# Debian's Bochs begins in its debugger, which is told to continue.
echo c > "$work/commands"
: > "$work/serial"
# It wants a terminal that somebody reads.
cat > "$work/terminal.py" << 'END'
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while os.read(terminal, 65536):
        pass
except OSError:
    pass
END
TERM=xterm setsid python3 "$work/terminal.py" bochs -q -f "$work/machine" -rc "$work/commands" < /dev/null > "$work/screen" 2>&1 &
emulator=$!
tail -f --pid=$emulator "$work/serial"
grep -q 'exit status 0' "$work/serial"
