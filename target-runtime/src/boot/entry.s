# The way in: the PVH note, our own note, and the road from 32-bit protected
# mode without paging to the first Rust function (Xen's "x86/HVM direct boot
# ABI"; SDM volume 3A, 10.8.5).

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18                      # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad ukdbg_pvh_entry

    .section .note.ukdbg, "a", @note
    .balign 4
    .long {note_name_size}, {note_descriptor_size}, {note_type}
    .asciz "ukdbg"
    .balign 4
    .quad {root}
    .quad ukdbg_rendezvous

    .section .text.boot, "ax", @progbits
    .code32
    .global ukdbg_pvh_entry
    .type ukdbg_pvh_entry, @function
ukdbg_pvh_entry:
    .cfi_startproc
    .cfi_undefined 16                   # outermost: nobody called
    cli
    cld
    mov esi, ebx                        # start info, kept for Rust

    # Identity-map the first 4 GiB with 2 MiB pages: one table that points to
    # one that points to four. Rust replaces them.
    mov eax, offset ukdbg_early_tables + 0x1003
    mov dword ptr [ukdbg_early_tables], eax
    mov ecx, 4
    mov edx, offset ukdbg_early_tables + 0x1000
    mov eax, offset ukdbg_early_tables + 0x2003
2:  mov dword ptr [edx], eax
    add eax, 0x1000
    add edx, 8
    dec ecx
    jnz 2b
    mov edx, offset ukdbg_early_tables + 0x2000
    mov eax, 0x83                       # present, writable, large
    mov ecx, 2048
3:  mov dword ptr [edx], eax
    add eax, 0x200000
    add edx, 8
    dec ecx
    jnz 3b

    mov eax, 0x660                      # CR4: PAE, MCE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov eax, offset ukdbg_early_tables
    mov cr3, eax
    mov ecx, 0xc0000080                 # EFER: LME, NXE
    rdmsr
    or eax, 0x900
    wrmsr
    mov eax, 0x80010033                 # CR0: PG, WP, NE, ET, MP, PE; not EM, TS
    mov cr0, eax
    lgdt [ukdbg_early_gdt_pointer]
    # A far return: `ljmp` with an immediate is not known to Intel syntax here.
    mov esp, offset ukdbg_early_far
    retf
    .cfi_endproc
    .size ukdbg_pvh_entry, . - ukdbg_pvh_entry

    .code64
    .type ukdbg_start64, @function
ukdbg_start64:
    .cfi_startproc
    .cfi_undefined rip
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    lea rsp, [{boot_stack} + {boot_stack_size}]
    xor ebp, ebp                        # ends the chain of frame pointers
    mov edi, esi
    call {start}
    ud2
    .cfi_endproc
    .size ukdbg_start64, . - ukdbg_start64

    .section .rodata.ukdbg_early, "a", @progbits
    .balign 8
ukdbg_early_gdt:
    .quad 0
    .quad 0x00af9a000000ffff            # 0x08: 64-bit code
    .quad 0x00cf92000000ffff            # 0x10: data
ukdbg_early_gdt_pointer:
    .word . - ukdbg_early_gdt - 1
    .long ukdbg_early_gdt
    .balign 8
ukdbg_early_far:
    .long ukdbg_start64, 0x08

    .section .bss.ukdbg_early, "aw", @nobits
    .balign 4096
ukdbg_early_tables:
    .skip 6 * 4096
    .text
